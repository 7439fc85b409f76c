"""Quality of the numbers check: the share of injected errors that it detects, and its false alarms on model output."""
