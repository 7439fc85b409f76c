"""What a person sees: progress on stderr, one line per event, and what serves now. It decides nothing."""
