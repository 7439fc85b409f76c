"""Config schema: the keys with their types, defaults and rules."""
