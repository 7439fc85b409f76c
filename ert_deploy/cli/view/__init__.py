"""Output for the user: status on stderr, one line per event, and the running backend. No decision logic."""
