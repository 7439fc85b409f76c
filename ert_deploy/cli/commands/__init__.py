"""Commands: one module each, imported on use: parse, call, show. They do not import each other."""
