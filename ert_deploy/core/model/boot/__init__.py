"""Boot of a machine: the bid that it is rented for, and what a run remembers of it from one observation to the next."""
