"""Adapter to Vast.ai through the official SDK: the one place that imports `vastai`."""
