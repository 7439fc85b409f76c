"""JSON output: one document per command on stdout, versioned, also when the command fails.

While a command runs, its document is held back, so that the exit code and an error can be part of it. A command with
a second one streams: from then on each is written at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import click

from ert_deploy.core.redaction import clean

VERSION = 1  # of the fields that are common to all; it grows when one of them changes its meaning or goes
_PENDING: list[Mapping[str, Any]] = []  # at most one
_STATE = {"holding": False, "printed": False}


def hold() -> None:
    """Hold the next document back until `finish`."""
    _PENDING.clear()
    _STATE.update(holding=True, printed=False)


def emit_json(value: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, or hold it until the command ends. It receives the `version`.

    Infinities and NaN become null, as JSON has no NaN. Control characters and runner commands are escaped, so that the
    content is the same but has no effect.
    """
    if _STATE["holding"] and not _STATE["printed"] and not _PENDING:
        _PENDING.append(value)
        return
    _flush()
    _print(value)


def emit_json_line(value: Mapping[str, Any]) -> None:
    """Print one JSON document in one line at once, for a command that writes one per event."""
    _flush()
    _print(value, indent=None)


def finish(code: int, error: Mapping[str, Any] | None) -> None:
    """Print what was held back, with the exit code and the error; a failure without a document gets one of its own."""
    holding, _STATE["holding"] = _STATE["holding"], False
    if not holding or _STATE["printed"] or not (_PENDING or error):
        return
    failed = {"error": dict(error)} if error else {}
    value = {"exit_code": code, **failed, **(_PENDING[0] if _PENDING else {})}
    _PENDING.clear()
    _print(value)


def _flush() -> None:
    while _PENDING:
        _print(_PENDING.pop())


def _print(value: Mapping[str, Any], indent: int | None = 2) -> None:
    _STATE["printed"] = True
    text = json.dumps(_known({"version": VERSION, **value}), indent=indent, ensure_ascii=False, allow_nan=False)
    text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    click.echo(text.replace("##[", "#\\u0023["))


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {clean(str(name)): _known(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    if isinstance(value, str):
        return clean(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
