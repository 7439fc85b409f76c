"""Vast user: API keys with permissions, and the variables that are set in every container."""
