"""Unused machine: its history, and the numbers that would have cost less. Only reads, and no provider."""
