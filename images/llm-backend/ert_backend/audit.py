"""Shim for one release: `python -m ert_backend.audit` is now `python -m ert_backend.edge.audit`."""

import sys

from ert_backend.edge.audit import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
