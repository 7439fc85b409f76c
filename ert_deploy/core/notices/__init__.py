"""Notices: what a person wants to hear of a deployment. Pure: from events and verdicts to lines of text."""
