"""Writes which deployment a config is of into $GITHUB_OUTPUT: what a run's concurrency group is named after.

One config can be spelled in several ways (`ert`, `configs/ert.yaml`, `./configs/ert.yaml`), and two configs can be of
one deployment; two runs of it at once are what the group is there to prevent. Standard library only: it runs before
anything is installed. The file is found as ert-deploy finds it; of its YAML only the one line counts.
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
    """The file of a name in configs/ or of a path, from that working directory; ValueError when there is none."""
    if "/" in config or config.endswith(SUFFIXES):
        places = [folder / config]
    else:
        places = [where / f"{config}{suffix}" for where in (folder / "configs", BUNDLED) for suffix in SUFFIXES]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ValueError("there is no such config; is the repository checked out?")
    return found


def deployment(path: Path) -> str:
    """The name that the config says; ValueError unless exactly one line says it."""
    text = path.read_bytes()[:MOST_BYTES].decode(errors="replace").replace("\r\n", "\n")
    names = [match[2] for match in LINE.finditer(text)]
    if len(names) != 1:
        raise ValueError("the config has to say `deployment: NAME` once, on a line of its own")
    return names[0]


def main() -> int:
    """The exit code. What was given is not repeated: a line that begins with `::` would be an order to the runner."""
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
