"""Front-end bundle in `static/app`: the files that a page includes, their cache headers, and their compression.

The files are built by `make frontend` and committed, so that serving the dashboard does not require Node. Their names
contain a content hash, so browsers can cache them indefinitely. Only static files are compressed: the size of a
compressed response that mixes a secret with a visitor's own text tells of the secret (the attack BREACH).
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

FOLDER = Path(__file__).parents[1] / "static" / "app"
_ENTRY = "src/main.tsx"
_STATIC, _PREFIX = "/static/", "/static/app/assets/"
_TEXTS = (".js", ".css", ".svg", ".json", ".md", ".txt")


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
    """Set immutable cache headers on the files with a content hash in their name, and compress the texts."""

    def mark(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code not in (200, 304):
            return response
        if request.path.endswith(_TEXTS):
            response = _negotiated(response, Path(app.static_folder or "") / request.path.removeprefix(_STATIC))
        if request.path.startswith(_PREFIX):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.after_request(mark)


def _negotiated(plain: Response, file: Path) -> Response:
    """Return the compressed file to a client that takes it, with an ETag of its own; the plain one to others."""
    plain.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0 or "Range" in request.headers:
        return plain
    tag, _ = plain.get_etag()
    plain.close()
    short = Response(_compressed(file), mimetype=plain.mimetype)
    short.content_encoding = "gzip"
    short.vary.add("Accept-Encoding")
    short.last_modified = plain.last_modified
    short.headers["Cache-Control"] = plain.headers["Cache-Control"]
    short.set_etag(f"{tag}-gzip")
    short.make_conditional(request)
    return short


@cache
def _compressed(file: Path) -> bytes:
    """Return the content of a file of the package, compressed once for this process."""
    return gzip.compress(file.read_bytes(), 9, mtime=0)
