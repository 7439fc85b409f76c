"""Figures of a finished report with source and date, for the annotations of numbers on the page. No I/O.

They are the rows of the backend's tables. The provenance in the request takes precedence over the source in a row,
which only names a group of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from ert_dashboard.storage.job import Job

_MOST = 250


class Figure(TypedDict):
    """A figure of a report. `value` is in the terms of its unit: a ratio of 0.25 is 25 %."""

    fact_id: str
    label: str
    display: str | None
    value: float | None
    unit: str | None
    as_of: str | None
    source: str | None
    link: str | None
    derived: bool


def figures(job: Job) -> list[Figure]:
    """Return the figures; [] without tables."""
    known = _provenance(job.request)
    found: dict[str, Figure] = {}
    for table in _tables(job.result):
        rows = table.get("rows")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, Mapping) and isinstance(row.get("fact_id"), str) and len(found) < _MOST:
                found.setdefault(row["fact_id"], _figure(row, known.get(row["fact_id"])))
    return list(found.values())


def _figure(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> Figure:
    source = _text(row.get("source"))
    derived = (source or "").startswith("derived:")
    doubt = "contradicted by another figure" if row.get("contradicted") is True else None
    better = _text(known.get("source")) if known and not derived else None
    return {
        "fact_id": row["fact_id"],
        "label": _text(row.get("label")) or row["fact_id"],
        "display": _text(row.get("display")),
        "value": _number(row.get("value")),
        "unit": _text(row.get("unit")),
        "as_of": _text(row.get("as_of")) or (_text(known.get("as_of")) if known else None),
        "source": ", ".join(part for part in (better or source, _text(row.get("filing")), doubt) if part) or None,
        "link": _text(row.get("link")),
        "derived": derived or (better or "").startswith("computed from"),
    }


def _provenance(request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    market = request.get("market_data")
    entries = market.get("provenance") if isinstance(market, Mapping) else None
    if not isinstance(entries, Mapping):
        return {}
    return {str(name): entry for name, entry in entries.items() if isinstance(entry, Mapping)}


def _tables(result: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    metadata = (result or {}).get("metadata")
    report = metadata.get("report") if isinstance(metadata, Mapping) else None
    tables = report.get("tables") if isinstance(report, Mapping) else None
    return [table for table in tables if isinstance(table, Mapping)] if isinstance(tables, list) else []


def _number(raw: object) -> float | None:
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def _text(raw: object) -> str | None:
    return raw[:300] if isinstance(raw, str) and raw else None
