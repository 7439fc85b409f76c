"""Front-end bundle in `static/app`: the files that a page includes, and their cache headers.

The files are built by `make frontend` and committed, so that serving the dashboard does not require Node. Their names
contain a content hash, so browsers can cache them indefinitely.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

FOLDER = Path(__file__).parents[1] / "static" / "app"
_ENTRY = "src/main.tsx"
_PREFIX = "/static/app/assets/"


@dataclass(frozen=True)
class Bundle:
    """File names below `static/` for the links of a page."""

    script: str
    styles: tuple[str, ...]
    font: str | None


def read_bundle(folder: Path = FOLDER) -> Bundle:
    """Read the build manifest; raise OSError, `ValueError` or KeyError if it is missing or invalid."""
    entry = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[_ENTRY]
    fonts = [name for name in entry.get("assets", []) if name.endswith(".woff2") and "-ext-" not in name]
    return Bundle(
        script=f"app/{entry['file']}",
        styles=tuple(f"app/{name}" for name in entry.get("css", [])),
        font=f"app/{fonts[0]}" if fonts else None,
    )


def keep_assets(app: Flask) -> None:
    """Set immutable cache headers on the files with a content hash in their name."""

    def mark(response: Response) -> Response:
        if request.path.startswith(_PREFIX) and response.status_code in (200, 304):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.after_request(mark)
