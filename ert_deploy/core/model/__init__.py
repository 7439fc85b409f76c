"""Data model of the core: values for desired, actual and stored state, plans, and errors. Never imports `planning`."""
