"""Walks the request data: yields every leaf with its path, currency scope and subject."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ert_backend.grounding.supplied.currency import Scope

MAX_DEPTH = 4
MAX_ROWS = 8
MAX_FIELDS = 1000
OTHERS = re.compile(r"peer|compet|compar|rival|industry|sector|benchmark|^index|^median|^average", re.IGNORECASE)
RATES = re.compile(r"(?:exchange|fx|forex)_?rates?|fx", re.IGNORECASE)
NAMES = ("ticker", "symbol", "period", "name")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value and its context. `subject` is the other company or group of companies that it is about."""

    path: str
    value: object
    scope: Scope
    subject: str | None = None


def leaves(group: Mapping[object, object], scope: Scope, ticker: str) -> Iterator[Leaf]:
    """Yield the leaves of one group of a request about `ticker`."""
    return _leaves(Leaf("", group, scope), 0, _plain(ticker))


def _leaves(here: Leaf, depth: int, own: str) -> Iterator[Leaf]:
    """Yield the leaves below a node; a mapping with a `value` is one leaf with its own date, source and currency."""
    children = _children(here.value)
    if children is None:
        if here.path:
            yield here
    elif depth < MAX_DEPTH:
        place = _place(here, own) if depth else here
        for name, child in children:
            if name != "provenance" and not RATES.fullmatch(name):
                path = f"{place.path}.{name}" if place.path else name
                yield from _leaves(replace(place, path=path, value=child), depth + 1, own)


def _children(node: object) -> list[tuple[str, object]] | None:
    """Return the named parts of a mapping or list of mappings (peers, years), `[]` for other lists, None for a leaf."""
    if isinstance(node, Mapping):
        fields = itertools.islice(node.items(), MAX_FIELDS)
        return None if "value" in node else [(slug(str(key)), child) for key, child in fields]
    if isinstance(node, list):
        rows = [row for row in node[:MAX_ROWS] if isinstance(row, Mapping)]
        return [(_row_name(row, index), row) for index, row in enumerate(rows, 1)]
    return None


def _place(here: Leaf, own: str) -> Leaf:
    """Return the context inside a nested part: its own currencies and subject. A subject inherits no currency."""
    parts = here.path.split(".")
    subject = here.subject
    if OTHERS.search(parts[0]):
        subject = (parts[1] if len(parts) > 1 else parts[0]).replace("_", " ") if len(parts) < 3 else subject
    node = here.value if isinstance(here.value, Mapping) else {}
    named = next((node[key] for key in ("ticker", "symbol") if isinstance(node.get(key), str)), None)
    if isinstance(named, str) and _plain(named):
        subject = None if own and _plain(named) == own else slug(named)
    scope = Scope() if subject and not here.subject else here.scope
    return replace(here, scope=scope.within(node), subject=subject)


def _row_name(row: Mapping[object, object], index: int) -> str:
    named = (row.get(name) for name in NAMES)
    return next((slug(name) for name in named if isinstance(name, str) and name.strip()), f"row_{index}")


def _plain(ticker: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", ticker[:60]).upper()


def slug(key: str) -> str:
    """Return a key of the request as a part of an id."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", key[:120])[:60].strip("_") or "field"
