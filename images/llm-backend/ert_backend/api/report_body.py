"""JSON body of a finished report, as types for its description; tests compare them with real reports. No I/O."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class Row(TypedDict):
    """A figure in a table; `value` is in the terms of `unit`, null where it is not meaningful."""

    label: str
    fact_id: str
    value: float | None
    display: str
    unit: str
    currency: str | None
    as_of: str | None
    source: str | None
    filing: str | None
    link: str | None
    contradicted: bool


class ReportTable(TypedDict):
    """Table of a section."""

    section: str
    title: str
    rows: list[Row]


class Rating(TypedDict):
    """Rating and target as they were supplied, gaps, shortened texts and tables."""

    rating: str
    rating_basis: Literal["supplied_consensus", "none"]
    price_target: float | None
    price_target_basis: Literal["supplied_consensus", "none"]
    price_target_currency: str | None
    data_gaps: list[str]
    shortened: list[str]
    tables: list[ReportTable]


class ConflictFact(TypedDict):
    """One side of a contradiction."""

    fact_id: str
    label: str
    value: float | None
    display: str


class FigureConflict(TypedDict):
    """A rule that supplied figures break, and which of them are in no sentence."""

    id: str
    rule: str
    facts: list[ConflictFact]
    left_out: list[str]


class Ungrounded(TypedDict):
    """A sentence that was taken out; `value` is its first wrong number, `nearest` the closest figure."""

    section: str
    text: str
    reason: str
    value: float | None
    nearest: str | None


class Repaired(TypedDict):
    """A sentence that the model wrote again."""

    section: str
    text: str
    reason: str


class TracedNumber(TypedDict):
    """A number of a sentence, and its figure."""

    text: str
    fact_id: str


class TracedSentence(TypedDict):
    """A sentence of the report, who wrote it, and the figures that it cites."""

    section: str
    text: str
    by: str
    facts: list[str]
    numbers: list[TracedNumber]


class Grounding(TypedDict):
    """How the numbers were checked, by section where it is named."""

    checked: int
    grounded: int
    derived: int
    ungrounded: list[Ungrounded]
    repaired: list[Repaired]
    left_out: dict[str, int]
    sentences_with_a_figure: dict[str, int]
    calls: int
    written_by_code: list[str]
    failures: dict[str, str]
    trace: list[TracedSentence]


class TokenCounts(TypedDict):
    """Tokens of all calls; `partial` when a call was stopped before the engine reported its own."""

    prompt: int
    completion: int
    thinking: NotRequired[int]
    partial: NotRequired[Literal[True]]


class Metadata(TypedDict):
    """Model, cost, grounding, and decisions of the code. Times are in seconds."""

    generation_time: float
    model: str
    engine: str
    model_digest: str
    sandbox: NotRequired[Literal[True]]
    timestamp: str
    sections_count: int
    total_words: int
    tokens: TokenCounts
    tokens_per_second: float | None
    report: Rating
    conflicts: list[FigureConflict]
    grounding: Grounding
    quality: Literal["full", "partial"]
    quality_reasons: list[str]


class Report(TypedDict):
    """A finished report: section name to Markdown, in the order asked for."""

    success: Literal[True]
    report_id: str
    ticker: str
    sections: dict[str, str]
    metadata: Metadata
    generation_time: float
