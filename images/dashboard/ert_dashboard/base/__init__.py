"""Shared utilities: clock, environment, rate limits, redaction, strict JSON. Imports no other subpackage."""
