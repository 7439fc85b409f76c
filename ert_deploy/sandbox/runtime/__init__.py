"""Runtime of the sandbox: clock, child processes, and machines as processes. Imports no other subpackage of it."""
