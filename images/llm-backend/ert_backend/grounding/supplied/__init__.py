"""Reads the values, currencies, dates and sources of a request. Must not import `facts`, which is built on it."""
