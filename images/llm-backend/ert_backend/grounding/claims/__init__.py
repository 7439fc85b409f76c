"""Checks of indirect statements about figures (comparisons, changes, ranks). No I/O."""
