"""Sentence parser: finds each figure, company, date and amount of a sentence."""
