"""Notices of a deployment: sent by commands and by whoever runs them in a loop. Imports no command."""
