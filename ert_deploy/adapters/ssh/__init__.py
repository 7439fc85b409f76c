"""Adapter to the SSH server of a rented machine: pinned host keys, a command or a terminal."""
