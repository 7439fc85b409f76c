"""External server: the check before an app is moved to it, and what is not possible without a rented machine."""
