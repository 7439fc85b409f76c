"""The supplied facts as figures that claims are held against. Pure."""
