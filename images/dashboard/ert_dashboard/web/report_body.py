"""JSON body of a finished report, as types. What the backend said about it is passed on unchecked. No I/O."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Row(TypedDict, total=False):
    """Row of a table, as the backend wrote it. Passed on unchecked: treat every field as unknown."""

    label: Any
    fact_id: Any
    value: Any
    display: Any
    unit: Any
    currency: Any
    as_of: Any
    source: Any


class ReportTable(TypedDict, total=False):
    """Table of a section, as the backend wrote it."""

    section: Any
    title: Any
    rows: list[Row]


class Rating(TypedDict, total=False):
    """Rating, gaps and tables, as the backend wrote them."""

    rating: Any
    rating_basis: Any
    data_gaps: Any
    tables: list[ReportTable]


class Ungrounded(TypedDict, total=False):
    """Sentence that was taken out, as the backend wrote it."""

    section: Any
    text: Any
    reason: Any


class Grounding(TypedDict, total=False):
    """Checks of the numbers, as the backend wrote them."""

    checked: Any
    grounded: Any
    derived: Any
    ungrounded: list[Ungrounded]
    written_by_code: Any
    failures: Any


class Metadata(TypedDict, total=False):
    """What the backend says about a report, passed on unchecked; that of an older one has fewer fields."""

    model: Any
    engine: Any
    sandbox: Any
    generation_time: Any
    tokens_per_second: Any
    quality: Any
    report: Rating
    grounding: Grounding


# Bodies with further fields that are not the dashboard's own.
OPEN = (Row, ReportTable, Rating, Ungrounded, Grounding, Metadata)


class Report(TypedDict):
    """Finished report: section name to Markdown, and the seconds that it took."""

    sections: dict[str, str]
    metadata: Metadata
    generation_time: float | None
