"""The equity research dashboard: a small Flask + Socket.IO app that has reports written by the private LLM backend.

It shares HTTP and environment variables with the deployer, never code.
"""

__version__ = "1.0.0"
