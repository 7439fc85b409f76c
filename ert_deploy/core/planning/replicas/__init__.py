"""Replicas in planning: each one's part of the stored document, and what it has to know of the other ones. Pure."""
