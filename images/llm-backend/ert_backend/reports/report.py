"""Report writer: collects the facts, then drafts, checks and formats one section after another.

A section whose draft fails is written from the facts alone and marked; a report fails only if the model failed for all
sections. Content and metadata are built from the same values.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ert_backend.base.clock import boot_seconds
from ert_backend.base.requested import Requested, Supplied
from ert_backend.engine.protocol import EngineFailed
from ert_backend.grounding.check import evidence
from ert_backend.grounding.facts import Fact
from ert_backend.grounding.figures import Figures, figures
from ert_backend.grounding.vocabulary import KNOWN
from ert_backend.reports.draft import FORM
from ert_backend.reports.markdown import gap_note, header, notes, table_text, tables
from ert_backend.reports.metadata import Frame, describe_report, rating_of
from ert_backend.reports.prompts import SYSTEM, Brief
from ert_backend.reports.prose import Prose, Traced, compose, joined
from ert_backend.reports.quality import Written, footer
from ert_backend.reports.quotes import attributed, sources
from ert_backend.reports.section import Assignment, Checked, write_section
from ert_backend.reports.sections import BY_NAME, DEFAULT_ORDER, Section
from ert_backend.reports.sentences import sentences
from ert_backend.reports.steps import Draft, Origin, Room, Tell, Writing
from ert_backend.reports.text.hygiene import harmless, name_fault, names_of

LONGEST_SUMMARY, LONGEST_HEADLINE = 4000, 300
ORIGIN = (("publisher", "source", "provider"), ("date", "published", "published_at", "as_of"))


def write_report(request: Requested, report_id: str, room: Room, origin: Origin) -> Writing[dict[str, Any]]:
    """Write the report of `POST /generate_report`; raise EngineFailed when the model failed for all sections."""
    started = boot_seconds()
    found = sayable(figures(request))
    brief = brief_of(request, found.told)
    known = evidence(found.told.values(), brief.texts(), (brief.company, request.ticker))
    names = names_of(brief.company)
    given = sources(brief, known, names)
    frame = Frame(request, brief, known, found, origin, given, set())
    asked = request.sections or list(DEFAULT_ORDER)
    written: list[Written] = []
    for index, name in enumerate(dict.fromkeys(asked), 1):
        yield Tell("section_started", {"section": name, "index": index, "of": len(asked)})
        section = BY_NAME.get(name)
        if section is None:
            written.append(_unknown(name))
        else:
            written.append((yield from _write(section, frame, room)))
        yield Tell("section", {"section": name, "index": index, "of": len(asked), "text": written[-1].text})
    _refuse_empty(written)
    written = _signed(written, origin.model)
    seconds = round(boot_seconds() - started, 3)
    return {
        "success": True,
        "report_id": report_id,
        "ticker": request.ticker,
        "sections": {part.name: part.text for part in written},
        "metadata": describe_report(frame, written, seconds),
        "generation_time": seconds,
    }


def _write(section: Section, frame: Frame, room: Room) -> Writing[Written]:
    seed = int(hashlib.sha256(f"{frame.request.fingerprint}{section.name}".encode()).hexdigest()[:7], 16)
    assignment = Assignment(section.name, section.task, frame.brief, frame.known, seed)
    checked = yield from write_section(assignment, room)
    quoted = [attributed(item, frame.given) for item in checked.sentences]
    prose = compose(quoted, f"{SYSTEM} {section.task} {FORM}", frame.said, frame.given.names)
    body = prose.traced or compose(sentences(section.name, frame.figures, frame.brief.company)).traced
    summary = section.name == "executive_summary"
    head = _head(frame) if summary else []
    # The notes are in the summary; without one they are in every section, since each has tables.
    asked = frame.request.sections or list(DEFAULT_ORDER)
    tail = notes(frame.figures) if summary or "executive_summary" not in asked else []
    text = _assemble(section, joined(body), joined(head), joined(tail), frame)
    return Written(section.name, text, prose, checked, (*head, *body, *tail), bool(prose.traced))


def _head(frame: Frame) -> list[Traced]:
    return header(frame.brief.company, frame.request.ticker, frame.figures.told, rating_of(frame.facts)[0])


def _assemble(section: Section, body: str, head: str, tail: str, frame: Frame) -> str:
    built = tables(section, frame.figures)
    blocks = [body, *(table_text(str(t["title"]), t["rows"]) for t in built)]  # type: ignore[arg-type]
    blocks += [tail] if tail else []
    if section.name == "executive_summary":
        blocks.insert(0, head)
        if frame.state.sandbox:
            blocks.insert(0, f"**Written by a small sandbox model ({frame.state.model}). This is not research.**")
        blocks += [note for note in (gap_note(frame.figures.gaps),) if note]
    return "\n\n".join(blocks)


def _signed(written: list[Written], model: str) -> list[Written]:
    """Append the footer to the executive summary, or else to the last section."""
    ends = next((part for part in written if part.name == "executive_summary"), written[-1])
    line = footer([part for part in written if part.name in BY_NAME], model)
    return [replace(part, text=f"{part.text}\n\n{line}") if part is ends else part for part in written]


def _unknown(name: str) -> Written:
    """Return a notice for an unknown section, not an error, for compatibility with the first ERT backend."""
    nothing = Checked((), Draft("", complete=True, calls=0))
    said = "Section not implemented" if name_fault(name.replace("_", " ")) else f"Section '{name}' not implemented"
    return Written(name, said, Prose("", (), ()), nothing, (), from_model=False)


def _refuse_empty(written: Sequence[Written]) -> None:
    """Raise EngineFailed if no section has any output of the model, whatever code could write instead."""
    failures = [part.checked.failure for part in written if part.name in BY_NAME]
    if failures and all(failures):
        raise EngineFailed(f"the model completed no section: {failures[-1]}")


def brief_of(request: Supplied, facts: Mapping[str, Fact]) -> Brief:
    """Return the part of the request that all sections share."""
    company = facts.get("longName")
    named = company is not None and company.number is None and not name_fault(str(company.value))
    summary = request.company_data.get("longBusinessSummary")
    lines = (request.market_data or {}).get("recent_headlines")
    given = lines[:12] if isinstance(lines, list) else []
    rows = [line if isinstance(line, dict) else {"title": line} for line in given]
    # The model is not shown any content that is banned in reports.
    titled = [(harmless(row["title"], LONGEST_HEADLINE), row) for row in rows if isinstance(row.get("title"), str)]
    kept = [(title, _origin(row)) for title, row in titled if title]
    return Brief(
        company=str(company.value) if company and named else request.ticker,
        ticker=request.ticker,
        facts=facts,
        summary=harmless(summary, LONGEST_SUMMARY) if isinstance(summary, str) else "",
        headlines=tuple(title for title, _ in kept),
        origins=tuple(origin for _, origin in kept),
        originals=(*(str(row["title"])[:LONGEST_HEADLINE] for _, row in titled), str(summary or "")[:LONGEST_SUMMARY]),
    )


def sayable(found: Figures) -> Figures:
    """Remove missing values whose own names contain banned content."""
    gaps = (name for name in found.gaps if name in KNOWN or not name_fault(re.sub(r"[_.]", " ", name)))
    return replace(found, gaps=tuple(gaps))


def _origin(row: Mapping[str, object]) -> str:
    """Return the publisher and date of a headline, where these are strings."""
    said = (next((row[name] for name in names if isinstance(row.get(name), str)), "") for names in ORIGIN)
    return ", ".join(str(text)[:80] for text in said if text)
