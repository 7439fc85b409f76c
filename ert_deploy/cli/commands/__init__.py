"""Commands: one module each, imported on use. It parses, calls and shows. They do not import each other."""
