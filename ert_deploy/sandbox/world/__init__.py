"""One sandbox with all providers: its daemon, state file, control API and paths."""
