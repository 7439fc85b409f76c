"""State handling of the engine: account check, small writes, waits, and `down` without a usable store."""
