"""Backend protocol: tolerant parsers for report snapshots, stream events, results and health. No I/O.

Unknown fields are ignored; missing fields and invalid types get defaults. Text is truncated and treated as untrusted.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ert_dashboard.base import redaction

_LONGEST_TEXT = 300
_LONGEST_EVENT = 8 * 1024 * 1024


class Phase(enum.StrEnum):
    """Phase of a report on the backend."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    DRAINING = "draining"


# A draining backend does not continue the report; another backend can.
ENDED = frozenset({Phase.DONE, Phase.FAILED, Phase.CANCELED, Phase.DRAINING})
_PHASES = {
    **{str(phase): phase for phase in Phase},
    "completed": Phase.DONE,
    "succeeded": Phase.DONE,
    "error": Phase.FAILED,
    "cancelled": Phase.CANCELED,
    "aborted": Phase.CANCELED,
    "pending": Phase.QUEUED,
    "accepted": Phase.QUEUED,
    "generating": Phase.RUNNING,
    "started": Phase.RUNNING,
    "progress": Phase.RUNNING,
    "section": Phase.RUNNING,
    "section_started": Phase.RUNNING,
}


class Malformed(Exception):
    """Raised for a response that does not match the protocol."""


@dataclass(frozen=True)
class Update:
    """State of a report in a snapshot or an event. None means that the field is missing.

    `section_ended` is true for an event that completes a section; `text` is its content.
    """

    phase: Phase | None
    position: int | None = None
    sections_done: int | None = None
    sections_total: int | None = None
    section: str | None = None
    section_ended: bool = False
    result: Mapping[str, Any] | None = None
    error: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class StreamEvent:
    """Server-sent event; `name` is "" for a comment (heartbeat)."""

    name: str
    data: str
    event_id: str | None


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse a JSON object, with NaN and infinities as null; raise `Malformed`.

    Secrets are redacted first: the backend receives the key with every request and could include it in a response.
    """
    try:
        value = json.loads(redaction.clean(body.decode()), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise Malformed("the response is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("the response is not a JSON object")
    return value


def read_snapshot(body: Mapping[str, Any]) -> Update:
    """Parse the response of `GET /reports/{id}` or `POST /reports`."""
    return _update(body, _phase(body.get("status")) or Phase.RUNNING)


def read_event(event: StreamEvent) -> Update | None:
    """Parse a stream event; return None for a heartbeat. A `section` event completes one section."""
    if not event.name:
        return None
    try:
        body = parse_json(event.data.encode("utf-8", "replace")) if event.data.strip() else {}
    except Malformed:
        body = {}
    update = _update(body, _phase(body.get("status")) or _phase(event.name))
    if event.name != "section":
        return update
    written = update.sections_done if update.sections_done is not None else _count(body.get("index"))
    text = body.get("text") if isinstance(body.get("text"), str) else None
    return replace(update, phase=Phase.RUNNING, result=None, section_ended=True, sections_done=written, text=text)


def read_result(body: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the sections (name -> text, in order), metadata and generation_time; None if unusable."""
    if not isinstance(body, Mapping) or body.get("success") is False:
        return None
    sections = body.get("sections")
    if not isinstance(sections, Mapping):
        return None
    texts = {str(name)[:80]: text for name, text in sections.items() if isinstance(text, str) and text.strip()}
    if not texts:
        return None
    metadata = body.get("metadata")
    return {
        "sections": texts,
        "metadata": dict(metadata) if isinstance(metadata, Mapping) else {},
        "generation_time": _seconds(body.get("generation_time")),
    }


def error_text(value: Any) -> str | None:
    """Convert the value of `error` or `detail` to a short printable line, or None."""
    if isinstance(value, Mapping):
        value = value.get("message") or value.get("detail") or value.get("code") or value.get("type")
    if isinstance(value, list):
        fields = [".".join(str(part) for part in item.get("loc", ())) for item in value if isinstance(item, Mapping)]
        value = "rejected fields: " + ", ".join(fields[:5]) if fields else None
    if not isinstance(value, str):
        return None
    printable = "".join(char if char.isprintable() else " " for char in value)
    return " ".join(printable.split())[:_LONGEST_TEXT] or None


def boot_text(health: Mapping[str, Any]) -> str:
    """Describe a starting backend from its `/health`: `downloading the model 43 % (6.1 of 13.8 GB)`."""
    progress = health.get("progress")
    phase = progress.get("phase") if isinstance(progress, Mapping) else None
    words = {
        "starting": "starting",
        "pulling": "downloading the model",
        "loading": "loading the model",
        "failed": "could not start the model",
    }
    text = words.get(str(phase), "starting")
    if isinstance(progress, Mapping) and phase == "pulling":
        done, total = _seconds(progress.get("completed")), _seconds(progress.get("total"))
        if done is not None and total:
            text += f" {min(100, round(100 * done / total))} % ({done / 1e9:.1f} of {total / 1e9:.1f} GB)"
    return text


def stream_events(chunks: Iterable[bytes]) -> Iterator[StreamEvent]:
    """Parse server-sent events (WHATWG, LF and CRLF), comments as unnamed events; raise `Malformed` on long lines."""
    name, event_id = "", None
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data or name:
                yield StreamEvent(name or "message", "\n".join(data), event_id)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not field:
            yield StreamEvent("", value, event_id)
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            event_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        rest += chunk
        if len(rest) > _LONGEST_EVENT:
            raise Malformed("an event of the stream is too long")
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


def _update(body: Mapping[str, Any], phase: Phase | None) -> Update:
    written = body.get("sections_done")
    # A `done` event contains the result under `result`, or is the result itself.
    result = read_result(body.get("result")) or (read_result(body) if phase is Phase.DONE else None)
    error = error_text(body.get("error") or body.get("detail") or body.get("message"))
    if phase is Phase.FAILED and error is None and body.get("retryable") is True:
        phase = Phase.DRAINING
    return Update(
        phase=phase,
        position=_count(body.get("position")),
        sections_done=len(written) if isinstance(written, list | dict) else _count(written),
        sections_total=_count(body.get("sections_total") or body.get("of")) or _length(body.get("sections")),
        section=error_text(body.get("section") or body.get("name") or body.get("current_section")),
        result=result,
        error=error,
    )


def _phase(value: Any) -> Phase | None:
    return _PHASES.get(value.lower()) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000 else None


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) and value else None


def _seconds(value: Any) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e18 else None
    )
