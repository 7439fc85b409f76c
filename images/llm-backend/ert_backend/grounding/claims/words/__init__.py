"""Keyword tables and patterns for `claims`. Data only."""
