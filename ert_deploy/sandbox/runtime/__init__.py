"""Runtime: clock, process records, loopback guard and machines. Imports no other subpackage of the sandbox."""
