"""Changes over time: which figure, by how much, and between which times. Pure."""
