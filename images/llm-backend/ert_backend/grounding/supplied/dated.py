"""What time a figure is of, by the path that it came under or by its date. Pure."""

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
    """What time a figure is of, or a text says it is of; None where that is not said."""

    year: int | None = None
    quarter: int | None = None
    half: int | None = None
    month: int | None = None


def period_of(path: str, as_of: str | None) -> Period | None:
    """What the path says (`history.FY2023.revenue`, `quarters.2024_Q3.eps`), else the year and month of its date."""
    for part in path.split(".")[:-1]:
        if found := PERIOD_PART.fullmatch(part):
            quarter = next((int(found[name]) for name in ("before", "after") if found[name]), None)
            return Period(int(found["year"]), quarter, None, int(found["month"]) if found["month"] else None)
    if path.rpartition(".")[2].lower().startswith(("prior", "previous", "forward", "target")):
        return None
    dated = re.match(r"((?:19|20)\d\d)(?:-(\d\d))?", as_of or "")
    return Period(int(dated[1]), month=int(dated[2]) if dated[2] else None) if dated else None
