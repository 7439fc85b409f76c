"""Handlers of Render's REST API, one module for each kind of resource. Knows the platform, not the server."""
