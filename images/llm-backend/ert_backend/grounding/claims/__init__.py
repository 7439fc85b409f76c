"""Claims that a sentence makes about supplied figures without stating them: read, and decided by arithmetic. Pure."""
