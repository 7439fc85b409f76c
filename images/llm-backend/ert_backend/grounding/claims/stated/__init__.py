"""Values that stand apart from their name, and figures that are said to be absent."""
