"""Adapter that sends notices with Apprise, in a process of its own that has a deadline. Only `child` imports it."""
