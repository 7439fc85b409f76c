"""Resumption: a new job for what a failed or aborted report lacks, and its result with the sections that it had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ert_dashboard.storage.interface import Draft
from ert_dashboard.storage.job import DEFAULT_SECTIONS, KEPT, NOBODY, Job, Status


class NothingKept(Exception):
    """Raised for a report that is open or complete, or that has no section to go on from."""


def resumption(job: Job, sections: Mapping[str, str], report_id: str, now: float) -> Job:
    """Return the job that writes what `job` lacks; `sections` are those that it has. Raises `NothingKept`.

    The backend has closed the request under the old id, so the new job has another one. If nothing is missing (its
    time was over while the text was fetched), the last section is written again.
    """
    if job.status not in (Status.FAILED, Status.ABORTED) or job.result is not None or not sections:
        raise NothingKept
    wanted = [*job.kept, *(job.request.get("sections") or DEFAULT_SECTIONS)]
    missing = [name for name in wanted if name not in sections] or wanted[-1:]
    kept = {name: text for name, text in sections.items() if name not in missing}
    return replace(
        Job(report_id, job.ticker, job.company, job.label, now, NOBODY, detail="Waiting"),
        sections_done=len(kept),
        sections_total=len(kept) + len(missing),
        request_key=key_of(job),
        request={**job.sent, "sections": missing, KEPT: kept},
    )


def carried_over(job: Job, sections: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of an unfinished job that another backend goes on with, from the sections that it has.

    A report that no backend had accepted is sent as it was.
    """
    fields: dict[str, Any] = {"last_event": None, "accepted": None, "started": None}
    if job.accepted is None:
        return fields
    fields["moves"] = (job.moves or 0) + 1
    if not sections:
        return fields
    wanted = [*job.kept, *(job.request.get("sections") or DEFAULT_SECTIONS)]
    missing = [name for name in wanted if name not in sections] or wanted[-1:]
    kept = {name: text for name, text in sections.items() if name not in missing}
    request = {**job.sent, "sections": missing, KEPT: kept}
    done = {"sections_done": len(kept), "sections_total": len(kept) + len(missing)}
    return {**fields, **done, "request": request}


def rest(job: Job, sections: Mapping[str, str], now: float) -> dict[str, Any]:
    """Return the fields of a job that its own backend does not continue: it has restarted, or is about to.

    What was written stays, and the rest is another request, under another id. One of which nothing was is sent again.
    """
    if job.accepted is None or not sections.keys() - job.kept.keys():
        return {"last_event": None}
    return {**carried_over(job, sections), "started": now}


def key_of(job: Job) -> str:
    """Return the idempotency key of a resumption: one for each of those reports. No visitor's key has a colon."""
    return f"resumed:{job.report_id}"


def keep(job: Job, draft: Draft) -> None:
    """Have the draft begin with the sections of the report that `job` resumes."""
    for section, text in job.kept.items():
        draft.keep(section, text)


def with_kept(job: Job, sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return all sections of a job, in the usual order; others as they came."""
    every = {**job.kept, **sections}
    return {name: every[name] for name in (*(name for name in DEFAULT_SECTIONS if name in every), *every)}
