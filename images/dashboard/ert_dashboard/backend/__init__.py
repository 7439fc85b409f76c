"""Client of the LLM backend: pinned TLS, its protocol, readiness, spend."""
