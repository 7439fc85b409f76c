"""HTTP API: the handlers of all routes with their bodies and responses. Only `serving` imports it."""
