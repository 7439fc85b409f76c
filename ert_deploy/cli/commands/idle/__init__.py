"""Commands for an unused machine: one module each, imported on use. They do not import each other."""
