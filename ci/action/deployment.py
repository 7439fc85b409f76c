"""Deployment name of a config: written to $GITHUB_OUTPUT as the name of the concurrency group of a run.

A config can be given in different ways (`ert`, `configs/ert.yaml`, `./configs/ert.yaml`), and two configs can belong to
one deployment; the group prevents concurrent runs for it. Standard library only, as it runs before the installation.
The file is located in the same way as in ert-deploy; only the `deployment` line of its YAML is parsed.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

SUFFIXES = (".yaml", ".yml")
BUNDLED = Path(__file__).resolve().parents[2] / "configs"
LINE = re.compile(r"""^deployment:[ \t]+(["']?)([A-Za-z0-9][A-Za-z0-9_-]{0,63})\1[ \t]*(?:#.*)?$""", re.MULTILINE)
MOST_BYTES = 1_000_000


def find(config: str, folder: Path) -> Path:
    """Return the file for a name in configs/ or a path, relative to `folder`; raise `ValueError` if there is none."""
    if "/" in config or config.endswith(SUFFIXES):
        places = [folder / config]
    else:
        places = [where / f"{config}{suffix}" for where in (folder / "configs", BUNDLED) for suffix in SUFFIXES]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ValueError("there is no such config; is the repository checked out?")
    return found


def deployment(path: Path) -> str:
    """Return the deployment name of a config; raise `ValueError` unless exactly one line defines it."""
    text = path.read_bytes()[:MOST_BYTES].decode(errors="replace").replace("\r\n", "\n")
    names = [match[2] for match in LINE.finditer(text)]
    if len(names) != 1:
        raise ValueError("the config has to contain `deployment: NAME` once, on a line of its own")
    return names[0]


def main() -> int:
    """Return the exit code. Inputs are never echoed: the runner interprets lines that start with `::` as commands."""
    folder = Path(os.environ.get("GITHUB_WORKSPACE", ".")) / os.environ.get("ERT_ACTION_DIRECTORY", ".")
    try:
        name = deployment(find(os.environ.get("ERT_ACTION_CONFIG", ""), folder))
    except (OSError, ValueError) as wrong:
        said = wrong if isinstance(wrong, ValueError) else "the config cannot be read"
        sys.stdout.write(f"::error title=ert-deploy::{said}\n")
        return 2
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as out:
        out.write(f"deployment={name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
