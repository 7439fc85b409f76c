"""Health checks in a log: successful requests that only ask whether a server works, in several formats. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What the backend, an engine (Ollama, llama.cpp, vLLM) and a web host ask again and again.
ROUTES = frozenset(
    {"/", "/health", "/healthz", "/status", "/metrics", "/identity", "/v1/models", "/admin/keys"}
    | {f"/api/{name}" for name in ("ps", "tags", "version", "show")}
)
# The formats: our own, Gin (Ollama), the common access log (uvicorn, gunicorn, vLLM), and that of llama.cpp.
_REQUEST = re.compile(r"(?:method=(?:GET|HEAD) route=|\b(?:GET|HEAD)\s{1,8}\"?)(?P<path>/[^\s\"?]{0,200})")
_DONE = re.compile(r"(?:status=|\|\s{0,8}|\"\s|HTTP/[\d.]{1,3}\"?\s)2\d\d(?!\S)|\d\s2\d\d\s*$")


def is_check(text: str, more: Iterable[str] = ()) -> bool:
    """Whether the line is a successful health check, of ROUTES or of the paths in `more`. One that fails is none."""
    found = _REQUEST.search(text[:2000])
    return found is not None and (found["path"] in ROUTES or found["path"] in more) and bool(_DONE.search(text[:2000]))
