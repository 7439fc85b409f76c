"""Tending of a machine that serves: its guard gets plain numbers from a policy. For an agent."""
