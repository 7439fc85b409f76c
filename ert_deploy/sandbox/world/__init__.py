"""One world of both providers: its daemon, file, control API and paths."""
