"""Planning: deterministic functions that derive steps from desired and actual state. Imports only `core.model`."""
