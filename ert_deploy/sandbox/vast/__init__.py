"""Sandbox of Vast.ai: a market, instances as real processes, and a bill. Must not import `render` or `world`."""
