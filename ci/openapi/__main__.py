"""`make openapi`: writes docs/openapi/*.json from the route tables, and the page's types from the dashboard's.

With `--check` it writes nothing and fails when a file is not what it would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.openapi import backend, dashboard, typescript
from ci.openapi.document import Schema, document

ROOT = Path(__file__).resolve().parents[2]


def files() -> Mapping[str, str]:
    """Return each generated file, by its path in the repository, with its content."""
    page = document(dashboard.service())
    return {
        "docs/openapi/backend.json": _text(document(backend.service())),
        "docs/openapi/dashboard.json": _text(page),
        "images/dashboard/frontend/src/api.ts": typescript.module(page),
    }


def _text(found: Schema) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write or check all files below `root`, and return the exit code."""
    wanted = files()
    if "--check" not in arguments:
        for name, text in wanted.items():
            (root / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in wanted.items() if (root / name).read_text(encoding="utf-8") != text]
    for name in stale:
        sys.stderr.write(f"error: {name} is not what the route table says; hint: make openapi, and commit the result\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
