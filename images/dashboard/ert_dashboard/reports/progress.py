"""Progress of a report: the fields of its job that an update of the backend changes. No I/O."""

from __future__ import annotations

from typing import Any

from ert_dashboard.backend import protocol
from ert_dashboard.reports.markdown import section_title
from ert_dashboard.storage.job import Job, Status, writing_progress

NEXT = "The next section"  # until the backend names one


def progress(job: Job, update: protocol.Update) -> dict[str, Any]:
    """Return the fields that differ from those of the job; the progress never decreases."""
    kept = len(job.kept)
    total = update.sections_total + kept if update.sections_total else job.sections_total
    said = None if update.sections_done is None else update.sections_done + kept
    done = min(total, job.sections_done + 1 if update.section_ended and said is None else said or 0)
    done = max(job.sections_done, done)
    queued = update.phase is protocol.Phase.QUEUED
    fields = {
        "status": Status.GENERATING,
        "detail": _detail(job, update),
        "position": update.position if queued else None,
        "sections_done": done,
        "sections_total": total,
        "progress": max(job.progress, writing_progress(done, total)),
    }
    return fields if any(getattr(job, name) != value for name, value in fields.items()) else {}


def _detail(job: Job, update: protocol.Update) -> str:
    if update.phase is protocol.Phase.QUEUED:
        place = f" (place {update.position})" if update.position else ""
        return f"Waiting for the backend's turn{place}"
    if update.section is not None:
        return section_title(update.section)
    return job.detail if job.status is Status.GENERATING and job.position is None else NEXT
