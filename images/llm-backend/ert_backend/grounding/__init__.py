"""Grounding: checks each number of a text against the given facts. No I/O; imports no other package."""
