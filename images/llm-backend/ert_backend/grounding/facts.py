"""From the caller's data to a flat list of facts with ids, and the figures that follow from them. Pure.

Every number in a report comes from here. A fact is what was supplied, or arithmetic on it with its formula as source;
null, NaN, infinite and absurd values are dropped, never filled in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ert_backend.grounding.vocabulary import KNOWN, LABEL_ONLY

MAX_FACTS = 250
MAX_DEPTH = 4
MAX_ROWS = 8
MAX_TEXT = 4000
ABSURD = 1e17
PERIOD_PART = re.compile(
    r"(?:Q(?P<before>[1-4])_?)?(?:FY_?|CY_?|fiscal_)?(?P<year>(?:19|20)\d\d)"
    r"(?:_?Q(?P<after>[1-4])|_(?P<month>0[1-9]|1[0-2])(?:_\d\d)?)?",
    re.IGNORECASE,
)


class Unit(StrEnum):
    """What kind of number it is; a claim of one kind is never proven by a fact of another."""

    MONEY = "money"
    RATIO = "ratio"  # 0.25 is 25 %
    PERCENT = "percent"  # 25 is 25 %
    MULTIPLE = "multiple"
    COUNT = "count"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Period:
    """What time a figure is of, or a text says it is of; None where that is not said."""

    year: int | None = None
    quarter: int | None = None
    half: int | None = None
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One supplied or derived value. `source` names the part of the request, or the formula.

    `subject` is the other company it belongs to (a peer's ticker or name).
    """

    id: str
    label: str
    value: float | str
    unit: Unit
    as_of: str | None
    source: str
    currency: str = "USD"
    period: Period | None = None
    subject: str | None = None

    @property
    def number(self) -> float | None:
        """The value if it is a number."""
        return self.value if isinstance(self.value, float) else None

    @property
    def derived(self) -> bool:
        """Whether it was computed here."""
        return self.source.startswith("derived:")


Facts = Mapping[str, Fact]


def collect(groups: Mapping[str, object]) -> tuple[dict[str, Fact], list[str]]:
    """Facts by id from the request's named groups, in order, and the ids of fields that came without a value."""
    facts: dict[str, Fact] = {}
    gaps: list[str] = []
    currency = _currency(groups)
    for source, group in groups.items():
        if not isinstance(group, Mapping):
            continue
        stamp = _stamp(group)
        for path, leaf in _leaves(group, "", 0):
            fact = _fact(path, leaf, source, stamp, currency)
            if fact is None:
                gaps.extend([path] if _is_missing(leaf) else [])
            elif fact.id not in facts and len(facts) < MAX_FACTS:
                facts[fact.id] = fact
    return facts, [gap for gap in dict.fromkeys(gaps) if gap not in facts]


def _leaves(node: object, path: str, depth: int) -> Iterator[tuple[str, object]]:
    """Paths and values; a mapping that has a `value` is one value with its own date and source."""
    children = _children(node)
    if children is None:
        if path:
            yield path, node
    elif depth < MAX_DEPTH:
        for name, child in children:
            yield from _leaves(child, f"{path}.{name}" if path else name, depth + 1)


def _children(node: object) -> list[tuple[str, object]] | None:
    """The named parts of a mapping, or of a list of mappings (peers, years); other lists have none; None for a leaf."""
    if isinstance(node, Mapping):
        return None if "value" in node else [(_slug(str(key)), child) for key, child in node.items()]
    if isinstance(node, list):
        rows = [row for row in node[:MAX_ROWS] if isinstance(row, Mapping)]
        return [(_row_name(row, index), row) for index, row in enumerate(rows, 1)]
    return None


def _row_name(row: Mapping[object, object], index: int) -> str:
    named = (row.get(name) for name in ("ticker", "symbol", "period", "name"))
    return next((_slug(name) for name in named if isinstance(name, str) and name.strip()), f"row_{index}")


def _fact(path: str, leaf: object, source: str, stamp: str | None, currency: str) -> Fact | None:
    own = leaf if isinstance(leaf, Mapping) else {}
    value = _value(own.get("value") if own else leaf)
    name = path.rpartition(".")[2]
    if value is None or name in LABEL_ONLY or name == "value":
        return None
    as_of = _short(own.get("as_of")) or stamp
    return Fact(
        id=path,
        label=_label(path),
        value=value,
        unit=Unit.TEXT if isinstance(value, str) else Unit(KNOWN[name][1] if name in KNOWN else "number"),
        as_of=as_of,
        source=_short(own.get("source")) or source,
        currency=currency,
        period=_period(path, as_of),
        subject=_subject(path),
    )


def _period(path: str, as_of: str | None) -> Period | None:
    """What the path says (`history.FY2023.revenue`, `quarters.2024_Q3.eps`), else the year and month of its date."""
    for part in path.split(".")[:-1]:
        if found := PERIOD_PART.fullmatch(part):
            quarter = next((int(found[name]) for name in ("before", "after") if found[name]), None)
            return Period(int(found["year"]), quarter, None, int(found["month"]) if found["month"] else None)
    if path.rpartition(".")[2].lower().startswith(("prior", "previous", "forward", "target")):
        return None
    dated = re.match(r"((?:19|20)\d\d)(?:-(\d\d))?", as_of or "")
    return Period(int(dated[1]), month=int(dated[2]) if dated[2] else None) if dated else None


def _subject(path: str) -> str | None:
    """`MSFT` for `peer_metrics.MSFT.trailingPE`."""
    parts = path.split(".")[:-1]
    return parts[-1] if len(parts) > 1 and re.search(r"peer|compet|compar|rival", parts[0], re.IGNORECASE) else None


def _value(raw: object) -> float | str | None:
    if isinstance(raw, str):
        text = " ".join(raw.split())[:MAX_TEXT]
        return text if text and text.lower() not in {"n/a", "nan", "none", "null", "-"} else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    number = float(raw)
    return number if math.isfinite(number) and abs(number) < ABSURD else None


def _is_missing(leaf: object) -> bool:
    value = leaf.get("value") if isinstance(leaf, Mapping) else leaf
    return value is None or (isinstance(value, str) and _value(value) is None)


def _label(path: str) -> str:
    """The known name of a field, or one made from its spelling; a nested field keeps its parent's name."""
    parent, _, name = path.rpartition(".")
    if name in KNOWN:
        label = KNOWN[name][0]
    else:
        label = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).strip().lower()
        label = label[:1].upper() + label[1:]
    owner = parent.rpartition(".")[2].replace("_", " ")
    named = name in KNOWN and not (_subject(path) or _period(path, None))
    return f"{owner}: {label}" if parent and not named else label


def _slug(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", key)[:60].strip("_") or "field"


def _stamp(group: Mapping[object, object]) -> str | None:
    names = ("as_of", "asOf", "asOfDate", "date", "timestamp", "mostRecentQuarter")
    return next((text for name in names if (text := _short(group.get(name)))), None)


def _short(raw: object) -> str | None:
    return re.sub(r"[^\w .,:/+()-]", "", raw)[:60].strip() or None if isinstance(raw, str) else None


def _currency(groups: Mapping[str, object]) -> str:
    for group in groups.values():
        for name in ("financialCurrency", "currency"):
            code = group.get(name) if isinstance(group, Mapping) else None
            if isinstance(code, str) and re.fullmatch(r"[A-Z]{3}", code):
                return code
    return "USD"
