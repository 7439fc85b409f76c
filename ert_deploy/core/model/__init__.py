"""Values of the core: what is desired, observed, stored and planned, and the errors. Never imports `planning`."""
