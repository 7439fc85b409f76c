"""SEC companyfacts parser: extracts the values of the latest fiscal year and quarter. No I/O.

Format (data.sec.gov, XBRL of Forms 10-K and 10-Q): `facts.<taxonomy>.<tag>.units.<unit>[]` is a list of rows
`{start?, end, val, accn, fy, fp, form, filed, frame?}`. `fy` and `fp` refer to the *filing*, so the period is taken
from `start` and `end`. Filings repeat earlier periods, sometimes restated, so the row filed last is used for each
period. The fourth quarter is not filed: it is the year minus its first nine months. Currencies are never converted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

ANNUAL_FORMS = frozenset(form + tail for form in ("10-K", "10-KT", "20-F", "40-F") for tail in ("", "/A"))
_YEAR, _NINE_MONTHS, _QUARTER = range(350, 386), range(255, 290), range(80, 101)


@dataclass(frozen=True)
class Row:
    """Filed value of a tag. `start` is None for a value at an instant, as in a balance sheet."""

    tag: str
    start: date | None
    end: date
    value: float
    accession: str
    form: str
    filed: date

    @property
    def days(self) -> int | None:
        return None if self.start is None else (self.end - self.start).days

    def source(self) -> str:
        return f"SEC EDGAR, Form {self.form} filed {self.filed.isoformat()}, {self.tag} ({self.accession})"

    def link(self, cik: int) -> str | None:
        """Return the URL of the filing in the SEC's archive; None if the accession number is malformed."""
        sound = re.fullmatch(r"\d{10}-\d{2}-\d{6}", self.accession)
        folder = self.accession.replace("-", "")
        return f"https://www.sec.gov/Archives/edgar/data/{cik}/{folder}/" if sound else None


def read_rows(facts: Mapping[str, Any], tag: str, unit: str) -> list[Row]:
    """Return the valid rows of `taxonomy:Tag` in `unit`, one per period: the one filed last."""
    taxonomy, _, concept = tag.partition(":")
    latest: dict[tuple[date | None, date], Row] = {}
    for raw in _listed(facts, taxonomy, concept, unit):
        row = _row(tag, raw)
        if row is None:
            continue
        known = latest.get((row.start, row.end))
        if known is None or (row.filed, row.accession) >= (known.filed, known.accession):
            latest[row.start, row.end] = row
    return sorted(latest.values(), key=lambda row: (row.end, row.start or row.end))


def units_of(facts: Mapping[str, Any], tag: str) -> list[str]:
    """Return the units a tag was filed in."""
    taxonomy, _, concept = tag.partition(":")
    return list(_mapping(_mapping(_mapping(facts.get(taxonomy)).get(concept)).get("units")))


def annual(rows: list[Row]) -> list[Row]:
    """Return full fiscal years (also 52 or 53 weeks), oldest first, only from annual filings, which are audited."""
    return [row for row in rows if row.days in _YEAR and row.form in ANNUAL_FORMS]


def latest_year(candidates: list[list[Row]]) -> Row | None:
    """Return the latest fiscal year of any of the tags."""
    years = [row for rows in candidates for row in annual(rows)]
    return max(years, key=lambda row: row.end, default=None)


def in_year(rows: list[Row], end: date) -> Row | None:
    """Return the value of the fiscal year that ended on `end`."""
    return next((row for row in reversed(annual(rows)) if row.end == end), None)


def year_before(rows: list[Row], end: date) -> Row | None:
    """Return the value of the fiscal year before the one that ended on `end`."""
    return next((row for row in reversed(annual(rows)) if (end - row.end).days in _YEAR), None)


def at(rows: list[Row], end: date) -> Row | None:
    """Return the value at the instant `end`."""
    return next((row for row in rows if row.start is None and row.end == end), None)


def latest_balance(rows: list[Row]) -> Row | None:
    """Return the latest value at an instant."""
    return max((row for row in rows if row.start is None), key=lambda row: row.end, default=None)


def latest_quarter(rows: list[Row]) -> Row | None:
    """Return the latest quarter: as filed, or for the fourth quarter the year minus its first nine months."""
    quarters = {row.end: row for row in rows if row.days in _QUARTER}
    for year in annual(rows):
        if year.end in quarters:
            continue
        nine = [row for row in rows if row.start == year.start and row.days in _NINE_MONTHS]
        if nine:
            quarters[year.end] = _fourth(year, nine[-1])
    return quarters[max(quarters)] if quarters else None


def _fourth(year: Row, nine: Row) -> Row:
    tag = f"{year.tag} of the year less its first nine months"
    return Row(tag, nine.end, year.end, year.value - nine.value, year.accession, year.form, year.filed)


def _listed(facts: Mapping[str, Any], taxonomy: str, concept: str, unit: str) -> Iterator[Mapping[str, Any]]:
    units = _mapping(_mapping(_mapping(facts.get(taxonomy)).get(concept)).get("units"))
    rows = units.get(unit)
    yield from (row for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()


def _row(tag: str, raw: Mapping[str, Any]) -> Row | None:
    value = raw.get("val")
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    end, filed = _day(raw.get("end")), _day(raw.get("filed"))
    start = _day(raw.get("start"))
    if not sound or end is None or filed is None or (start is None and raw.get("start") is not None):
        return None
    return Row(tag, start, end, raw["val"], str(raw.get("accn", ""))[:40], str(raw.get("form", ""))[:12], filed)


def _day(raw: Any) -> date | None:
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        return None


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}
