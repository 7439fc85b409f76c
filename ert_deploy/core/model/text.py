"""Sanitizing of external text for output: no credentials, control characters, terminal sequences or overlong lines."""

from __future__ import annotations

import math
import re

from ert_deploy.core.redaction import clean

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|.)")
_DRAWING = re.compile(r"\x1b\[[0-9;]*[mABCDGHJK]|\x1b\[\?25[lh]|\r(?!\n)")
_ODD = re.compile(r"[^ -~\n\t]")
_ORDER = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)


def inert(text: str) -> str:
    """Return `text` with its line breaks and tabs, but without any other terminal control sequence."""
    return _ODD.sub(_harmless, _ESCAPES.sub("", text.replace("\r\n", "\n")))


def painted(text: str) -> str:
    """Like `inert`, but keep color and cursor movements within the screen."""
    kept = _DRAWING.findall(text)
    return "".join(inert(piece) + own for piece, own in zip(_DRAWING.split(text), [*kept, ""], strict=True))


def obeyed_by_no_runner(text: str) -> str:
    """Return `text` without lines that a GitHub runner treats as commands: `::name::value`, or `##[name]` anywhere.

    Source: actions/runner, ActionCommand.cs (`TryParseV2` skips leading whitespace, `TryParse` searches the line).
    """
    return _ORDER.sub(r"\1: ", text).replace("##[", "# #[")


def printable(text: object, limit: int = 300) -> str:
    """Return `text` on one line without credentials, terminal or control characters, truncated to length `limit`."""
    kept = " ".join(clean(inert(str(text))).split())
    return kept if len(kept) <= limit else kept[: limit - 3] + "..."


def per_hour(price: float) -> str:
    """Return a price in $/h as text; "an unknown price per hour" for infinity and NaN."""
    return f"${price:.4f}/h" if math.isfinite(price) else "an unknown price per hour"


def span(seconds: float) -> str:
    """Return a duration as text in its two largest units: "42 s", "7 min", "3 h 05 min", "2 d 4 h"."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{max(0, int(seconds))} s"
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, over = divmod(hours, 24)
    return f"{days} d {over} h" if days else f"{hours} h {rest:02} min"


def _harmless(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else " " if character.isspace() else ""
