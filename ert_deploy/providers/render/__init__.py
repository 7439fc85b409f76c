"""Adapter to Render's API: strict requests, parsing, rate limits, deploys."""
