"""Statements about figures that do not repeat them (comparisons, changes, ranks): parsed and evaluated. No I/O."""
