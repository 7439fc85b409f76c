"""Data model of the core: desired, observed, stored and planned values, and errors. Never imports `planning`."""
