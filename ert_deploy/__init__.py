"""ert-deploy: a web app's own private LLM on a rented GPU, gone again when nobody uses it."""

__version__ = "0.1.0"
