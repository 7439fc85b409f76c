"""Agent and dashboard in one service, as two processes that a manager keeps up and the kernel keeps apart.

Both have one user. Each gets its own variables, and neither can read those of the other (docs/agent.md).
"""
