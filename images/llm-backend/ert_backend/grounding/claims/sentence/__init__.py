"""Parses a sentence into the figures, companies, dates and amounts that it names."""
