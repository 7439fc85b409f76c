"""An index of the facts, used to evaluate comparisons."""
