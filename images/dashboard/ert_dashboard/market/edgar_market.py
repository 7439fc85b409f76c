"""SEC market data: ticker -> company number -> filed facts, each cached for a day.

The cache contains the small document built from the facts, not the original response of several megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ert_dashboard.base.clock import iso
from ert_dashboard.base.tickers import read_ticker, sec_spelling
from ert_dashboard.market.cache import Kept, Shelf
from ert_dashboard.market.company_file import read_company
from ert_dashboard.market.edgar import Edgar
from ert_dashboard.market.edgar_company import company_document
from ert_dashboard.market.model import Company, Listing, SourceAway

KIND = "SEC filings"
_FRESH_S = 24 * 3600.0
_LIST = "sec:tickers"
_MOST_FOUND = 20


class EdgarMarket:
    """Companies that file with the SEC. Only `find` sends requests; `search` reads the cached list."""

    kind = KIND

    def __init__(self, edgar: Edgar, shelf: Shelf) -> None:
        self._edgar = edgar
        self._shelf = shelf

    def find(self, ticker: str) -> Company | None:
        """Return the company or None; raise `SourceAway` if it is not cached and the SEC does not respond."""
        spelled = sec_spelling(ticker)
        entry = self._shelf.get(_LIST, _FRESH_S, self._listed).value.get(spelled)
        if entry is None:
            return None
        cik, name = entry
        kept = self._shelf.get(f"sec:company:{cik}:{spelled}", _FRESH_S, lambda: self._document(spelled, cik, name))
        return None if kept.value is None else _marked(read_company(kept.value, KIND), kept)

    def search(self, text: str) -> list[Listing]:
        needle = text.strip().casefold()
        if not needle:
            return []
        spelled = sec_spelling(needle.upper())
        known = self._shelf.look(_LIST) or {}
        found = [
            (not ticker.startswith(spelled), ticker, entry[1])
            for ticker, entry in known.items()
            if spelled in ticker or needle in entry[1].casefold()
        ]
        return [Listing(ticker, name, KIND) for _, ticker, name in sorted(found)[:_MOST_FOUND]]

    def known(self) -> list[str]:
        """Return an empty list: there are thousands."""
        return []

    def _listed(self) -> dict[str, tuple[int, str]]:
        """Fetch the list: ticker -> (company number, name)."""
        raw = self._edgar.tickers()
        rows = raw.values() if isinstance(raw, Mapping) else []
        found = {ticker: entry for row in rows if (entry := _entry(row)) and (ticker := read_ticker(row["ticker"]))}
        if not found:
            raise SourceAway("the SEC's list of companies was not understood", 60)
        return found

    def _document(self, ticker: str, cik: int, name: str) -> dict[str, Any] | None:
        whole = self._edgar.company_facts(cik)
        facts = whole.get("facts") if isinstance(whole, Mapping) else None
        if not isinstance(facts, Mapping):
            return None
        submissions = self._edgar.submissions(cik)
        return company_document(ticker, name, facts, submissions if isinstance(submissions, Mapping) else {}, cik)


def _entry(row: Any) -> tuple[int, str] | None:
    if not isinstance(row, Mapping):
        return None
    cik, title = row.get("cik_str"), row.get("title")
    sound = isinstance(cik, int) and 0 < cik < 10**10 and isinstance(title, str) and title
    return (cik, title[:200]) if sound and isinstance(cik, int) and isinstance(title, str) else None


def _marked(company: Company, kept: Kept) -> Company:
    """Add the fetch time of a stale document to `kind`, which is displayed with every figure."""
    if not kept.stale:
        return company
    return replace(company, kind=f"{company.kind}, last updated {iso(kept.fetched)}")
