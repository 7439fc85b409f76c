"""Sentence parser: the figures, companies, dates and amounts of a sentence."""
