"""Money of a deployment: the ledger after a run, and its budget. Imports no command."""
