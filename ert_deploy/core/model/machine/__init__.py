"""What a machine reports of itself: its load, its limits and its last report, by its own keyed routes."""
