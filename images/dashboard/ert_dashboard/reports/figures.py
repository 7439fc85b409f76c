"""Figures of a finished report with source and date, for the annotations of numbers on the page. No I/O.

They are the rows of the backend's tables. The provenance in the request takes precedence over the source in a row,
which only names a group of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ert_dashboard.storage.job import Job

_MOST = 250


def figures(job: Job) -> list[dict[str, Any]]:
    """Return the figures: fact_id, label, display, value, unit, as_of, source, link, derived. [] without tables."""
    known = _provenance(job.request)
    found: dict[str, dict[str, Any]] = {}
    for table in _tables(job.result):
        rows = table.get("rows")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, Mapping) and isinstance(row.get("fact_id"), str) and len(found) < _MOST:
                found.setdefault(row["fact_id"], _figure(row, known.get(row["fact_id"])))
    return list(found.values())


def _figure(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    source = _text(row.get("source"))
    derived = (source or "").startswith("derived:")
    doubt = "contradicted by another figure" if row.get("contradicted") is True else None
    better = _text(known.get("source")) if known and not derived else None
    return {
        "fact_id": row["fact_id"],
        "label": _text(row.get("label")) or row["fact_id"],
        "display": _text(row.get("display")),
        "value": row.get("value") if isinstance(row.get("value"), int | float) else None,
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


def _text(raw: object) -> str | None:
    return raw[:300] if isinstance(raw, str) and raw else None
