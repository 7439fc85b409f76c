"""Custody of the keys of apps: the app's own environment, the keyring of the operating system, or a private file."""
