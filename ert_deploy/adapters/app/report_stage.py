"""Stages of a report as the dashboard's page words them: from the data of the report and of the machine. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.text import printable

WAITING = "Waiting"
_LOADS = re.compile(r"the backend is (?:starting|downloading|loading|could not)")
_BEING_WOKEN, _NOT_WOKEN = "the GPU is being woken", "the GPU is not woken: "
_ENDED = {
    "completed": ("Done", "The report is complete."),
    "aborted": ("Stopped", "The report was stopped before it was complete."),
    "aborting": ("Stopping", "The backend is told to stop writing."),
}
_ASLEEP = (
    "The machine does not respond: it sleeps or is just being started. This report waits and begins by itself. "
    "`ert-deploy wake` starts the machine."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a report is: a title of a few words, and one sentence."""

    title: str
    detail: str

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}"


def stage_of(job: Mapping[str, Any], machine: Mapping[str, Any]) -> Stage:
    """Return the stage of a report. `machine` is the body of `/api/deployment`, empty if it is not known."""
    status, said = job.get("status"), printable(job.get("current_section") or "", 160)
    if status == "failed":
        return Stage("Failed", printable(job.get("error_message") or "No reason was given."))
    if isinstance(status, str) and status in _ENDED:
        return Stage(*_ENDED[status])
    if status == "queued":
        return Stage("In the queue", f"{_ahead(_number(job.get('queue_position')))}.")
    if status == "generating_sections":
        return _generating(job, said)
    if status == "finalizing":
        return Stage("Checking", "All sections are written; the text is being fetched.")
    if said.startswith(WAITING):
        return _waiting(said, machine)
    return Stage("Handing over", "The figures are collected and handed to the backend.")


def _ahead(count: int) -> str:
    if count == 0:
        return "Next in line"
    return "1 report is before this one" if count == 1 else f"{count} reports are before this one"


def _generating(job: Mapping[str, Any], said: str) -> Stage:
    if said.startswith("Reconnecting"):
        return Stage("Reconnecting", "The connection to the backend was lost; the report goes on there.")
    if job.get("queue_position") is not None:
        place = _number(job["queue_position"])
        where = "It is next." if place <= 1 else f"It is number {place} in line."
        return Stage("Waiting for its turn", f"The backend writes one report at a time. {where}")
    total = _number(job.get("sections_total"))
    at = min(_number(job.get("sections_done")) + 1, total)
    return Stage(f"Writing {at} of {total}", sentence(_section(said)))


def _section(said: str) -> str:
    """Return what is written now. Dashboards up to 1.0 begin with a word that the title has already."""
    return said.removeprefix("Writing").strip(" ()").replace("_", " ") or "the next section"


def _waiting(said: str, machine: Mapping[str, Any]) -> Stage:
    about = said.removeprefix(WAITING).lstrip(": ")
    if about == _BEING_WOKEN:
        return Stage("Waking the GPU", "The app's agent starts the machine. This report begins by itself.")
    if about.startswith(_NOT_WOKEN):
        return Stage("GPU not woken", f"{sentence(about.removeprefix(_NOT_WOKEN))} This report waits.")
    loads = _LOADS.match(about) is not None
    if not loads and "not ready" not in about:
        return Stage("Backend asleep", _ASLEEP)
    title = "Backend waking" if machine.get("state") == "waking" else "Backend booting"
    return Stage(
        title,
        sentence(about.removeprefix("the backend is ")) if loads else "The backend responds and is not ready yet.",
    )


def sentence(text: str) -> str:
    """Return the text with a capital at the start and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
