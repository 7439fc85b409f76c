"""Idle policy: when an unused machine is stopped, destroyed and started in advance. Pure: its results are numbers."""
