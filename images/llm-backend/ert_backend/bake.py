"""Shim for one release: `python -m ert_backend.bake` is now `python -m ert_backend.engine.bake`."""

import sys

from ert_backend.engine.bake import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
