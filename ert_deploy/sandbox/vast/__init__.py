"""Sandbox of Vast.ai: a market, instances that run locally, and a bill. Must not import `render` or `world`."""
