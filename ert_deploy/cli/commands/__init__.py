"""One module per command, imported when that command runs: parse, call, show. They do not import each other."""
