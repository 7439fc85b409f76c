"""Values that result from the figures of a sentence: sums, ratios, changes."""
