"""Output for the user: progress on stderr, one line per event, and the running backend. It makes no decisions."""
