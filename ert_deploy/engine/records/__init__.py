"""State handling of the engine: its account, small writes, waits, and removal without a usable store."""
