"""LLM backend client: pinned TLS, wire protocol, readiness checks and cost estimate."""
