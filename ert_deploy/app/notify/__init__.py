"""Notices of a deployment to people: sent by commands and by whoever runs them in a loop. Imports no command."""
