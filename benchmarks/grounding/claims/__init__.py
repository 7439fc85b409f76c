"""Sentences that are true or false by the figures of invented companies, and the share of each that is taken out."""
