"""Double of Vast.ai: a market, instances that are real processes, and a bill. Must not import `render` or `world`."""
