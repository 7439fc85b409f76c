"""Reads for a diagnosis: each source by itself, so that one that fails hides no other. Writes and destroys nothing."""
