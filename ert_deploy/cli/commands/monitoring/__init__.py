"""Commands for monitoring: one module each, imported on use. They do not import each other."""
