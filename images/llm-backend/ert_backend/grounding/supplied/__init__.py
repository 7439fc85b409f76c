"""Reads what a request holds: values, currencies, dates and sources. Must not import the facts made of it."""
