"""Adapter to Render's API: strict requests, parsing, rate limits, deploys."""

HOST, RECORD = "web:RenderWeb", "recording:record"
