"""Kinds of trouble: what can be broken in a running sandbox, as in the tables of the two `faults` modules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ert_deploy.sandbox.render import faults as render
from ert_deploy.sandbox.vast import faults as vast

NOT_TROUBLE = ("calm", "resume")  # these end others


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its name, unique with the provider; fields with defaults, effect; `lasts` if it can be switched off."""

    name: str
    provider: str
    kind: str
    fields: str
    effect: str
    lasts: bool


def kinds() -> list[Kind]:
    """Return every kind, Vast's first. A kind that both providers have is named `provider/kind`."""
    tables = {"vast": (vast.__doc__, vast.AT_ONCE), "render": (render.__doc__, render.AT_ONCE)}
    found = [
        Kind(kind, provider, kind, fields, effect, kind not in over_at_once)
        for provider, (table, over_at_once) in tables.items()
        for kind, fields, effect in rows(table or "")
        if kind not in NOT_TROUBLE
    ]
    names = Counter(one.kind for one in found)
    return [one if names[one.kind] == 1 else replace(one, name=f"{one.provider}/{one.kind}") for one in found]


def rows(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, fields and effect of each row of a table; a row may have several kinds."""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == len(("kind", "fields", "effect")):
            for kind in cells[0].split(", "):
                yield kind.strip("`"), cells[1], cells[2]
