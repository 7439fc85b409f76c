"""Idle policy: when an unused machine is stopped, destroyed and started early. Pure: its results are numbers."""
