"""Vast's routes: the table of all of them, and handlers of those that concern no single instance.

Imports the rest of `vast`; only `vast.server` imports it.
"""
