"""Conditions of the market as people meet them: knobs with their sources, and what they do as time passes.

Imports `contract`, `market` and `wire` of `vast`; `account` ticks it.
"""
