"""User of the Vast account: API keys with permissions, and the variables that are set in every container."""
