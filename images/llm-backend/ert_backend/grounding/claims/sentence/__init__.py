"""Sentence parser: each figure, company, date and amount of a sentence."""
