"""True and false sentences by the figures of fictitious companies, and the share of each that is removed."""
