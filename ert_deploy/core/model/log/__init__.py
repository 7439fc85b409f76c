"""Log of a deployment: its events, derived from two states, and the lines of a web host. Never imports `planning`."""
