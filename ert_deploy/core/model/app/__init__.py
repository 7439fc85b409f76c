"""Apps as a config describes them, and the external server that they use. Imports no other package."""
