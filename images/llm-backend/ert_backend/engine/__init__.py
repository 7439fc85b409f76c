"""Ollama as an engine: bring-up, smoke test, GPU, and its wire format. Must not import `edge`, `api` or `reports`."""
