"""Name of the variable for the key of an external server: printed from a config, empty where none is needed.

`external_key.py CONFIG`. An invalid config has none: the command itself reports what is wrong with it.
"""

from __future__ import annotations

import sys

from ert_deploy.config.discovery import find
from ert_deploy.config.load import load
from ert_deploy.core.model.errors import UsageError


def main() -> int:
    """Print the name and return the exit code."""
    try:
        server = load(find(sys.argv[1]), going_down=True).desired.external
    except UsageError:
        return 2
    sys.stdout.write(server.variable if server is not None else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
