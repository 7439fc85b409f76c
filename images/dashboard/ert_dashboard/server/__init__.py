"""Asynchronous server of the dashboard: connections that cost no thread, with time limits, around the Flask app."""
