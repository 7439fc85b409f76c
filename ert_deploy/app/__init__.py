"""What the commands do, as functions with typed results: the library, of which the command line is one user.

No module here prints, reads stdin, installs a signal handler or ends the process. Must not import the command line.
The names meant for others are those of `ert_deploy` itself (`docs/library.md`).
"""
