"""Values that result from the figures of a sentence by arithmetic."""
