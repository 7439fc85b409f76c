"""World clock, processes a world has started, and machines as processes. Imports no other room of the sandbox."""
