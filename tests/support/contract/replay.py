"""Replay of a recording: sends its requests to the doubles, and compares the forms of the responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ert_deploy.adapters.recorder import OPEN_MAPS, VERSION
from ert_deploy.providers.vast.recording import SEARCH

Ask = Callable[[str, str, str, Any], tuple[int, Any]]  # provider, method, path template, body -> status, body


def differences(text: str, ask: Ask) -> Iterator[str]:
    """Yield each difference between a double's response and the recording. Raises `ValueError` for another version."""
    recording = json.loads(text)
    if recording["version"] != VERSION:
        raise ValueError(f"the recording has version {recording['version']}, and this reads {VERSION}")
    for one in recording["exchanges"]:
        call = f"{one['method']} {one['path_template']}"
        status, body = ask(
            one["provider"], one["method"], one["path_template"], SEARCH if one["method"] == "POST" else None
        )
        if status != one["status"]:
            yield f"{call}: status {one['status']} was recorded, and the double answers {status}"
            continue
        yield from (f"{call}: {line}" for line in _compared(one["response_body"], body, ""))


def _compared(recorded: Any, double: Any, where: str) -> Iterator[str]:
    """Compare names and types. Null fits all, an empty list any list, and only the first items count."""
    if recorded is None or double is None:
        return
    if _kind(recorded) != _kind(double):
        yield f"{where or 'the body'} is {_kind(recorded)}, and {_kind(double)} at the double"
    elif isinstance(recorded, Mapping):
        if where.rpartition(".")[2] in OPEN_MAPS:
            return
        for name, value in recorded.items():
            inner = f"{where}.{name}".lstrip(".")
            if name not in double:
                yield f"{inner} is missing at the double"
            else:
                yield from _compared(value, double[name], inner)
    elif isinstance(recorded, list) and recorded and double:
        yield from _compared(recorded[0], double[0], f"{where}[]")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    kinds = ((Mapping, "an object"), (list, "a list"), (str, "text"), ((int, float), "a number"))
    return next(name for kind, name in kinds if isinstance(value, kind))
