"""What a run remembers of a machine that boots, from one read of the actual state to the next."""
