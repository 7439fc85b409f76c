"""Ledger of paid intervals: what every machine of a deployment cost, and what is left of a budget. Pure."""
