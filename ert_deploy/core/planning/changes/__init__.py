"""Changes of a run, for people: which config keys replace a machine, and what becomes of machines and variables."""
