"""Application layer: one function with a typed result per command. The command line is one of its callers.

Modules here do not print, read stdin, install signal handlers or exit the process, and must not import the command
line. The public names are those of `ert_deploy` itself (`docs/library.md`).
"""
