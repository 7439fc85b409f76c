"""Checks numbers in a text against the facts that were given. Pure; imports no other room."""
