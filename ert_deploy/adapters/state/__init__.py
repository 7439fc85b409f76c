"""Stores of the deployment state, one contract for all: a file, an S3 object, or nothing that lasts."""
