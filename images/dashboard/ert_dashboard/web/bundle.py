"""The built front end in `static/app`: which files a page needs, and how long a browser may keep them.

The files are made by `make frontend` and committed, so that the dashboard is served without Node. Their names change
with their content, so a browser may keep them for ever.
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
    """File names below `static/`, as a page links them."""

    script: str
    styles: tuple[str, ...]
    font: str | None


def read_bundle(folder: Path = FOLDER) -> Bundle:
    """The entry of the build's manifest. OSError, ValueError or KeyError if the build is not there or is not one."""
    entry = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[_ENTRY]
    fonts = [name for name in entry.get("assets", []) if name.endswith(".woff2") and "-ext-" not in name]
    return Bundle(
        script=f"app/{entry['file']}",
        styles=tuple(f"app/{name}" for name in entry.get("css", [])),
        font=f"app/{fonts[0]}" if fonts else None,
    )


def keep_assets(app: Flask) -> None:
    """Let browsers keep the files whose name says their content."""

    def mark(response: Response) -> Response:
        if request.path.startswith(_PREFIX) and response.status_code in (200, 304):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.after_request(mark)
