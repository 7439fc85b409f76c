"""Money of a deployment: the ledger after a run, its cost, and what is left of its budget. Imports no command."""
