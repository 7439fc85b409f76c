"""Guard: PID 1 of the container and the off-switch, `python -m ert_backend.guard`. Standard library and `base` only."""
