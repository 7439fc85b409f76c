"""Planning: deterministic functions that derive steps from desired and observed state. Imports only `core.model`."""
