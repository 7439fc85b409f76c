"""The vocabulary of claims: pure data."""
