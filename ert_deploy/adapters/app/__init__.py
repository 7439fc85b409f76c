"""Adapters to the deployed web app: read the fingerprint of its configuration, request a report as a user would."""
