"""Converts request data to a flat list of facts with ids, and collects the fields without a value.

Every number in a report is a `Fact`: an input value, or arithmetic on input with its formula as source. Null, NaN,
infinite and absurd values are dropped; no default replaces them, and they are never printed verbatim.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ert_backend.grounding.supplied import values
from ert_backend.grounding.supplied.currency import Currency, Scope, read_currency, request_scope
from ert_backend.grounding.supplied.dated import PERIOD_PART, Period, period_of
from ert_backend.grounding.supplied.provenance import Provenance, line, merged, read_provenance, sent
from ert_backend.grounding.supplied.walk import OTHERS, Leaf, leaves
from ert_backend.grounding.vocabulary import KNOWN, LABEL_ONLY, OF_QUOTE, PER_SHARE, PRICES

__all__ = ["NOT_MEANINGFUL", "PERIOD_PART", "Fact", "Facts", "Period", "Unit", "collect", "currency_of"]

MAX_FACTS, MAX_LEAVES = 250, 2000
NOT_MEANINGFUL = "n.m."
NOTHING: Mapping[object, object] = {}


class Unit(StrEnum):
    """The type of a value; a fact of one type never supports a number of another."""

    MONEY = "money"
    RATIO = "ratio"  # 0.25 is 25 %
    PERCENT = "percent"  # 25 is 25 %
    MULTIPLE = "multiple"
    COUNT = "count"
    NUMBER = "number"
    RATE = "rate"  # units of one currency per unit of another
    TEXT = "text"


UNIT_NAMES = {"ratio": Unit.RATIO, "fraction": Unit.RATIO, "percent": Unit.PERCENT, "%": Unit.PERCENT}


@dataclass(frozen=True, slots=True)
class Fact:
    """One input or derived value. `source` is named by the client, else the part of the request, or the formula.

    `currency` is an ISO code, None if not specified. `subject` is the other company it belongs to (a peer's ticker or
    name). `value` is `n.m.` for a value that is not meaningful, such as a multiple of a loss.
    """

    id: str
    label: str
    value: float | str
    unit: Unit
    as_of: str | None
    source: str
    currency: str | None = None
    period: Period | None = None
    subject: str | None = None
    filing: str | None = None
    link: str | None = None

    @property
    def number(self) -> float | None:
        """The value if it is numeric, else None."""
        return self.value if isinstance(self.value, float) else None

    @property
    def derived(self) -> bool:
        """Whether it is computed and not an input value."""
        return self.source.startswith("derived:")


Facts = Mapping[str, Fact]


def collect(groups: Mapping[str, object], ticker: str = "") -> tuple[dict[str, Fact], list[str]]:
    """Return facts by id from the request's named groups, in order, and the ids of fields without a value.

    `ticker` is the subject company; a part of the request with a different ticker is about that company.
    """
    facts: dict[str, Fact] = {}
    gaps: list[str] = []
    whole, known = request_scope(groups.values()), sent(groups)
    for source, group in groups.items():
        if not isinstance(group, Mapping):
            continue
        stamp = _stamp(group)
        for leaf in itertools.islice(leaves(group, whole.within(group), ticker), MAX_LEAVES):
            origin = merged(read_provenance(leaf.value), read_provenance(known.get(leaf.path)))
            fact = _fact(leaf, origin, source, stamp)
            if fact is None:
                gaps.extend([leaf.path] if _is_missing(leaf) else [])
            elif fact.id not in facts and len(facts) < MAX_FACTS:
                facts[fact.id] = fact
    return facts, [gap for gap in dict.fromkeys(gaps) if gap not in facts]


def _fact(leaf: Leaf, origin: Provenance, source: str, stamp: str | None) -> Fact | None:
    name = leaf.path.rpartition(".")[2]
    if name in LABEL_ONLY or name == "value":
        return None
    own = leaf.value if isinstance(leaf.value, Mapping) else NOTHING
    read = _read(name, own.get("value") if own else leaf.value, own, leaf.scope)
    if read is None:
        return None
    value, unit, currency = read
    as_of = origin.as_of or stamp
    return Fact(
        id=leaf.path,
        label=_label(leaf.path, leaf.subject),
        value=value,
        unit=unit,
        as_of=as_of,
        source=origin.source or origin.filing or source,
        currency=currency,
        period=period_of(leaf.path, as_of),
        subject=leaf.subject,
        filing=origin.filing if origin.source else None,
        link=origin.link,
    )


def _read(
    name: str, raw: object, own: Mapping[object, object], scope: Scope
) -> tuple[float | str, Unit, str | None] | None:
    """Return value, unit and currency; None if the field has no valid value."""
    unit = Unit(KNOWN[name][1]) if name in KNOWN else None
    if unit is Unit.TEXT:
        told = values.text(raw) if isinstance(raw, str) else None
        named = told and re.search(r"[^\W\d_]", told) and (name == "longName" or values.figure(told) is None)
        return (told, Unit.TEXT, None) if told and named else None
    stated = read_currency(own.get("currency"))
    side = stated or currency_of(name, scope)
    if not isinstance(raw, str):
        number = values.number(raw)
        return None if number is None else _amount(name, number, _said(own, unit), side, stated)
    figure = values.figure(raw)
    if figure is None or (unit is None and figure.plain):
        told = values.text(raw)
        # An unknown field may contain a text; digits only are an identifier, not a figure.
        return (told, Unit.TEXT, None) if unit is None and figure is None and told else None
    return _of_text(name, figure, _said(own, unit), side, stated)


def _said(own: Mapping[object, object], unit: Unit | None) -> Unit | None:
    """Return the field's unit; for a ratio or percent the unit of the value, if it has one."""
    said = own.get("unit")
    named = UNIT_NAMES.get(said.strip().lower()) if isinstance(said, str) else None
    return named if named and unit in {None, Unit.RATIO, Unit.PERCENT} else unit


def _of_text(
    name: str, figure: values.Figure, unit: Unit | None, side: Currency | None, stated: Currency | None
) -> tuple[float | str, Unit, str | None] | None:
    if unit is None:
        kinds = {"%": Unit.PERCENT, "x": Unit.MULTIPLE, "": Unit.MONEY if figure.is_money else Unit.NUMBER}
        unit = kinds[figure.sign]
    fits = {
        Unit.MONEY: not figure.sign and figure.fits(side),
        Unit.RATIO: figure.sign in {"", "%"},
        Unit.PERCENT: True,
        Unit.MULTIPLE: figure.sign in {"", "x"},
    }.get(unit, not figure.sign)
    if not fits or (figure.is_money and unit is not Unit.MONEY):
        return None
    value = figure.value
    if unit is Unit.RATIO and figure.sign == "%":
        # Explicitly percent, so it is not ambiguous.
        return (value, Unit.PERCENT, None) if name == "dividendYield" else (value / 100, unit, None)
    if unit is Unit.PERCENT and figure.sign == "x":
        value *= 100
    return _amount(name, value, unit, figure.currency or side, figure.currency or stated)


def _amount(
    name: str, value: float, unit: Unit | None, side: Currency | None, stated: Currency | None
) -> tuple[float, Unit, str | None]:
    """Return an amount in whole units: pence are converted to pounds if the value itself or a price requires it.

    Market totals and per-share figures may arrive in either unit: `settle` resolves them.
    """
    if unit is not Unit.MONEY or side is None:
        return value, unit or Unit.NUMBER, None
    sure = stated is not None or name in PRICES or name not in OF_QUOTE | PER_SHARE
    return value / side.parts if sure else value, unit, side.code


def currency_of(name: str, scope: Scope) -> Currency | None:
    """Return the currency of a field; for per-share figures only where quote and filing currency cannot differ."""
    if name in OF_QUOTE:
        return scope.quote
    if name not in PER_SHARE:
        return scope.statements
    if scope.quote and scope.statements:
        return scope.quote if scope.same else None
    return scope.statements or scope.quote


def _is_missing(leaf: Leaf) -> bool:
    """Whether a field that requires a value has no valid one."""
    name = leaf.path.rpartition(".")[2]
    value = leaf.value.get("value") if isinstance(leaf.value, Mapping) else leaf.value
    empty = value is None or (isinstance(value, str) and values.text(value) is None)
    return name not in LABEL_ONLY and (empty or name in KNOWN)


def _label(path: str, subject: str | None) -> str:
    """Return the known name of a field, or one made from it; a nested field is prefixed with its parent."""
    parent, _, name = path.rpartition(".")
    if name in KNOWN:
        label = KNOWN[name][0]
    else:
        label = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).strip().lower()
        label = label[:1].upper() + label[1:]
    owner = parent.rpartition(".")[2].replace("_", " ")
    other = subject or period_of(path, None) or OTHERS.search(parent)
    return f"{owner}: {label}" if parent and (name not in KNOWN or other) else label


def _stamp(group: Mapping[object, object]) -> str | None:
    names = ("as_of", "asOf", "asOfDate", "date", "timestamp", "mostRecentQuarter")
    return next((text for name in names if (text := line(group.get(name), 60))), None)
