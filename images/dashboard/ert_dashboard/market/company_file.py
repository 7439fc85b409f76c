"""Company documents: parses JSON into a `Company`, for bundled samples, operators' own files and cached data.

    {"ticker": "ACME", "company": {"longName": "Acme", "sector": null, ...},
     "filing": {"description": "source of the figures", "period_end": "2025-12-31", "currency": "EUR"},
     "quote": {"currency": "GBp"},
     "financial": {"totalRevenue": 1200000, "operatingIncome": {"value": null, "as_of": "...", "source": "...",
                   "filing": "Form 10-K", "link": "https://..."}}}

`filing/currency` applies to the statements, `quote/currency` to the share price; `GBp`, GBX, ZAc and ILA are hundredths
of a unit. At least one of the two is required.

All types and sizes are checked, because the files are written by hand; every error names the field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ert_dashboard.base.strict_json import load_strictly
from ert_dashboard.base.tickers import read_ticker, sec_spelling
from ert_dashboard.market.model import Company, Fact, Listing
from ert_dashboard.market.ratios import derived

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_CURRENCY = re.compile(r"[A-Z]{3}|GBp|ZAc")
_MOST_FACTS, _LONGEST_TEXT, _LARGEST_FILE = 200, 8000, 1024 * 1024


class BadCompany(ValueError):
    """Raised for an invalid document; the message names the field."""


class FileMarket:
    """Companies from the JSON files of a directory, read once. `folder` can be any object with `iterdir`."""

    def __init__(self, folder: Any, kind: str) -> None:
        """Read the files; raise `BadCompany` with the name of the file, or OSError."""
        self.kind = kind
        found = [_read_file(entry, kind) for entry in folder.iterdir() if entry.name.endswith(".json")]
        self._companies = {sec_spelling(company.ticker): company for company in found}
        if len(self._companies) < len(found):
            raise BadCompany("two files are about the same ticker")

    def find(self, ticker: str) -> Company | None:
        return self._companies.get(sec_spelling(ticker))

    def search(self, text: str) -> list[Listing]:
        needle = text.strip().casefold()
        spelled = sec_spelling(needle.upper()).casefold()
        return [
            listing(company)
            for ticker, company in sorted(self._companies.items())
            if needle in ticker.casefold() or spelled in ticker.casefold() or needle in company.name.casefold()
        ]

    def known(self) -> list[str]:
        return sorted(self._companies)


def listing(company: Company) -> Listing:
    """Return the list entry of the company."""
    return Listing(
        company.ticker, company.name, company.label(), company.sector, company.fictional, as_of=company.as_of
    )


def read_company(document: Any, kind: str) -> Company:
    """Parse a document and add the ratios its figures allow; raise `BadCompany`."""
    whole = _object(document, "the document")
    filing = _object(whole.get("filing"), "filing")
    profile = {
        name: _text(value, f"company/{name}") for name, value in _object(whole.get("company"), "company").items()
    }
    ticker = read_ticker(whole.get("ticker"))
    as_of = _date(filing.get("period_end"), "filing/period_end")
    source = _text(filing.get("description"), "filing/description")
    name = profile.get("longName")
    currency = _currency(filing.get("currency"), "filing/currency")
    quoted = _currency(_object(whole.get("quote") or {}, "quote").get("currency"), "quote/currency")
    if ticker is None or not source or not name or not (currency or quoted):
        raise BadCompany("ticker, company/longName, filing/description and filing/currency (as in USD) are needed")
    facts = _facts(_object(whole.get("financial"), "financial"), as_of, source)
    return Company(
        ticker=ticker,
        name=name,
        sector=profile.get("sector"),
        fictional=whole.get("fictional") is True,
        as_of=as_of,
        currency=currency,
        source=source,
        source_url=_text(filing.get("url"), "filing/url"),
        note=_text(whole.get("note"), "note") or "",
        profile=profile,
        facts={**derived(facts, as_of), **facts},
        kind=kind,
        quote_currency=quoted,
    )


def _read_file(entry: Path, kind: str) -> Company:
    try:
        content = entry.read_bytes()
        if len(content) > _LARGEST_FILE:
            raise BadCompany("the file is too large")
        return read_company(load_strictly(content), kind)
    except ValueError as error:
        raise BadCompany(f"{entry.name}: {error}") from None


def _facts(entries: Mapping[str, Any], as_of: str, source: str) -> dict[str, Fact]:
    if len(entries) > _MOST_FACTS:
        raise BadCompany(f"financial has more than {_MOST_FACTS} figures")
    return {name: _fact(name, entry, as_of, source) for name, entry in entries.items()}


def _fact(name: str, entry: Any, as_of: str, source: str) -> Fact:
    where = f"financial/{name[:64]}"
    if not _NAME.fullmatch(name):
        raise BadCompany(f"{where}: not a name of a figure")
    if not isinstance(entry, Mapping):
        return Fact(_figure(entry, where), as_of, source)
    dated = _date(entry.get("as_of", as_of), f"{where}/as_of")
    own, filing, link = (_text(entry.get(key), f"{where}/{key}") for key in ("source", "filing", "link"))
    return Fact(_figure(entry.get("value"), where), dated, own or source, filing, link)


def _figure(raw: Any, where: str) -> float | None:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or abs(raw) > 1e24:
        raise BadCompany(f"{where}: not a number or null")
    return raw


def _object(raw: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadCompany(f"{where}: not an object")
    return raw


def _text(raw: Any, where: str) -> str | None:
    if raw is not None and not (isinstance(raw, str) and len(raw) <= _LONGEST_TEXT):
        raise BadCompany(f"{where}: not a text of at most {_LONGEST_TEXT} characters, or null")
    return raw or None


def _currency(raw: Any, where: str) -> str | None:
    if raw is not None and not (isinstance(raw, str) and _CURRENCY.fullmatch(raw)):
        raise BadCompany(f"{where}: not a currency such as USD, or GBp for pence")
    return raw


def _date(raw: Any, where: str) -> str:
    try:
        return date.fromisoformat(raw).isoformat()
    except (TypeError, ValueError):
        raise BadCompany(f"{where}: not a date such as 2025-12-31") from None
