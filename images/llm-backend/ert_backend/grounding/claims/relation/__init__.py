"""Numbers that follow from the figures of a sentence by arithmetic. Pure."""
