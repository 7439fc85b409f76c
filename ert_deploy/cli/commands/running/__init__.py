"""Commands for a running deployment: one module each, imported on use. They do not import each other."""
