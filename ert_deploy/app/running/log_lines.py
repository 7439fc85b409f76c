"""Lines of a container's log: their source and time, and which of them are new since the last read. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Where a line comes from: the image's web server, its guard, its model engine, or the app at its web host."""

    BACKEND = "backend"
    GUARD = "guard"
    ENGINE = "engine"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its Unix time (0: not known), its source, and its text."""

    at: float
    source: Source
    text: str


DEEPEST = 10_000  # lines of a container that are searched
_GUARD = "guard: "
_DATED = re.compile(r"at (\d{4}-\d\d-\d\dT[\d:.]{8,15}\+00:00)")  # before a line that comes long after the last one
_KNOWN = ("time", "level", "logger", "message")
_TIME = re.compile(r"\b(?:time=)?\"?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))")


def container_lines(text: str) -> list[Line]:
    """Return the lines of a container's log. A line without a time has that of the line before it, else of the next."""
    lines = list(_lines(text))
    first = next((line.at for line in lines if line.at), 0.0)
    return [line if line.at else replace(line, at=first) for line in lines]


def readable(raw: str) -> str:
    """Return one raw line as `container_lines` does, without time and source."""
    return next((line.text for line in _lines(raw)), raw)


def _lines(text: str) -> Iterator[Line]:
    at = 0.0
    for raw in text.splitlines():
        if raw.startswith(_GUARD):
            said = raw.removeprefix(_GUARD)
            dated = _DATED.fullmatch(said)
            if dated and (found_at := _unix(dated[1])):
                at = found_at
            else:
                yield Line(at, Source.GUARD, said)
            continue
        record = _record(raw)
        if record is not None:
            at = _unix(str(record.get("time"))) or at
            yield Line(at, Source.BACKEND, _spoken(record))
            continue
        found = _TIME.search(raw[:200])
        at = (_unix(found[1]) if found else 0.0) or at
        yield Line(at, Source.ENGINE, raw)


def unseen(before: Sequence[Line], now: Sequence[Line]) -> Sequence[Line]:
    """Return the lines of a second read that are after those of the first one, of which it repeats the last ones."""
    for start in range(len(before) + 1):
        kept = before[start:]
        if [one.text for one in now[: len(kept)]] == [one.text for one in kept]:
            return now[len(kept) :]
    raise AssertionError("an empty rest is always repeated")


def _record(raw: str) -> dict[str, object] | None:
    """Return the fields of a line that the image's logger wrote, or None."""
    if not raw.startswith("{"):
        return None
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and "message" in record else None


def _spoken(record: dict[str, object]) -> str:
    level = str(record.get("level") or "")
    more = " ".join(f"{name}={value}" for name, value in record.items() if name not in _KNOWN)
    said = f"{record['message']} {more}".strip()
    return said if level in ("", "info") else f"{level}: {said}"


def _unix(text: str) -> float:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return parsed.timestamp() if parsed.tzinfo is not None else 0.0
