"""The account's owner at the Vast double: API keys with permissions, and the variables of every container."""
