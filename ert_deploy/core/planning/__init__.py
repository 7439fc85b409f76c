"""Decisions of the core: pure functions from what is desired and observed to steps. Imports only `core.model`."""
