"""The date of a figure, from its path or from its `as_of` field."""

from __future__ import annotations

import re
from dataclasses import dataclass

PERIOD_PART = re.compile(
    r"(?:Q(?P<before>[1-4])_?)?(?:FY_?|CY_?|fiscal_)?(?P<year>(?:19|20)\d\d)"
    r"(?:_?Q(?P<after>[1-4])|_(?P<month>0[1-9]|1[0-2])(?:_\d\d)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Period:
    """The date of a figure or of a mention in a text; each part is None if not specified."""

    year: int | None = None
    quarter: int | None = None
    half: int | None = None
    month: int | None = None


def period_of(path: str, as_of: str | None) -> Period | None:
    """Return the date in the path (`history.FY2023.revenue`, `quarters.2024_Q3.eps`), else that of `as_of`."""
    for part in path.split(".")[:-1]:
        if found := PERIOD_PART.fullmatch(part):
            quarter = next((int(found[name]) for name in ("before", "after") if found[name]), None)
            return Period(int(found["year"]), quarter, None, int(found["month"]) if found["month"] else None)
    if path.rpartition(".")[2].lower().startswith(("prior", "previous", "forward", "target")):
        return None
    dated = re.match(r"((?:19|20)\d\d)(?:-(\d\d))?", as_of or "")
    return Period(int(dated[1]), month=int(dated[2]) if dated[2] else None) if dated else None
