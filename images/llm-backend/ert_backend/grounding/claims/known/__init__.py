"""The index of figures that sentences are checked against."""
