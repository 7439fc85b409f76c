"""Departure of machines: requests finish first, then they are deleted, and a run to an external server."""
