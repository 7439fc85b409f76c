"""Exchange rates that came with the request: only those with a source and a date count. Pure."""

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
    """The rates by id, `exchangeRate.USDINR` being rupees for one dollar; a rate without source or date is none."""
    found: dict[str, Fact] = {}
    for group in groups.values():
        for name, node in group.items() if isinstance(group, Mapping) else ():
            if RATES.fullmatch(str(name)[:40]):
                for key, entry in _entries(node):
                    if (fact := _rate(key, entry)) is not None:
                        found.setdefault(fact.id, fact)
    return found


def convert(amount: float, source: str, target: str, known: Mapping[str, Fact]) -> tuple[float, Fact] | None:
    """`amount` of the currency `source` in `target`, with the rate used; None where none was supplied."""
    for pair, turned in ((f"{source}{target}", False), (f"{target}{source}", True)):
        rate = known.get(f"exchangeRate.{pair}")
        if rate is not None and rate.number:
            return (amount / rate.number if turned else amount * rate.number), rate
    return None


def _entries(node: object) -> Iterator[tuple[str, Mapping[object, object]]]:
    """One rate by itself, rates by pair, or a list of rates."""
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
