"""The keys of a config: their types, defaults and rules, and the reference documentation made from them."""
