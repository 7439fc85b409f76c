"""Changes over time: the figure, the size of the change and its start and end."""
