"""Equity research dashboard: a Flask and Socket.IO app that requests reports from the private LLM backend.

Its interfaces to the deployer are HTTP and environment variables; they have no code in common.
"""

__version__ = "1.0.0"
