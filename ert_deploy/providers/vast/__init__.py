"""Adapter to Vast.ai through its SDK; only this package imports `vastai`."""
