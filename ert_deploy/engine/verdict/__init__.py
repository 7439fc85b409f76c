"""Reads for a verdict: all that the checks of `core.verdict` are made on. Writes nothing, and destroys nothing."""
