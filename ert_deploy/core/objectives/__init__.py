"""Service level objectives: the success criteria of a deployment over some days, and whether they were met. Pure."""
