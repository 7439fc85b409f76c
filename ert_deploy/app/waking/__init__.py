"""Waking on request: what an agent reads of a deployment, and whether it may start one. It writes nothing itself."""
