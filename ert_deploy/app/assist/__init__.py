"""Help around the commands: what bills after an interruption, and names for the shell to complete. Only reads."""
