"""Exchange rates of the request; only those with a source and a date are used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.supplied import values
from ert_backend.grounding.supplied.currency import read_currency
from ert_backend.grounding.supplied.provenance import read_provenance
from ert_backend.grounding.supplied.walk import MAX_ROWS, RATES

PAIR = re.compile(r"([A-Za-z]{3})[^A-Za-z]?([A-Za-z]{3})")


def rates(groups: Mapping[str, object]) -> dict[str, Fact]:
    """Return the rates by id (`exchangeRate.USDINR`: rupees for one dollar); skip one without source or date."""
    found: dict[str, Fact] = {}
    for group in groups.values():
        for name, node in group.items() if isinstance(group, Mapping) else ():
            if RATES.fullmatch(str(name)[:40]):
                for key, entry in _entries(node):
                    if (fact := _rate(key, entry)) is not None:
                        found.setdefault(fact.id, fact)
    return found


def convert(amount: float, source: str, target: str, known: Mapping[str, Fact]) -> tuple[float, Fact] | None:
    """Convert `amount` from currency `source` to `target`; return it with the rate, or None without a rate."""
    for pair, turned in ((f"{source}{target}", False), (f"{target}{source}", True)):
        rate = known.get(f"exchangeRate.{pair}")
        if rate is not None and rate.number:
            return (amount / rate.number if turned else amount * rate.number), rate
    return None


def _entries(node: object) -> Iterator[tuple[str, Mapping[object, object]]]:
    """Yield the entries of a single rate, of a mapping by pair, or of a list."""
    if isinstance(node, Mapping) and "value" in node:
        yield "", node
    elif isinstance(node, Mapping):
        yield from ((str(key)[:20], row) for key, row in list(node.items())[:MAX_ROWS] if isinstance(row, Mapping))
    elif isinstance(node, list):
        yield from (("", row) for row in node[:MAX_ROWS] if isinstance(row, Mapping))


def _rate(key: str, entry: Mapping[object, object]) -> Fact | None:
    pair = PAIR.fullmatch(str(entry.get("pair", key))[:20])
    named = (pair[1], pair[2]) if pair else (entry.get("from"), entry.get("to"))
    base, quoted = (read_currency(code) for code in named)
    value, origin = values.number(entry.get("value")), read_provenance(entry)
    source = origin.source or origin.filing
    if not (base and quoted and value and value > 0 and source and origin.as_of):
        return None
    if base.code == quoted.code or max(base.parts, quoted.parts) > 1:
        return None
    label = f"{quoted.code} for one {base.code}"
    name = f"exchangeRate.{base.code}{quoted.code}"
    return Fact(name, label, value, Unit.RATE, origin.as_of, source, filing=origin.filing, link=origin.link)
