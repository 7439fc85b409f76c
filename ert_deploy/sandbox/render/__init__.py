"""Sandbox of Render: the REST API, and services that run locally. Must not import `vast` or `world`."""
