"""Claims: what the table has to show, with limits that were fixed before a policy existed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.idle.knobs import PRODUCT, SHARES
from benchmarks.idle.measure import TRACE, Case, Found

TRACE_RATIO, OFFICE_RATIO = 1.2, 0.85
OFFICE = Case("office hours")
SAME = "best fixed time-out with at most the same cold share"


@dataclass(frozen=True, slots=True)
class Claim:
    """One target: what is compared, on which pattern, mean, standard deviation and highest of its runs, limit."""

    text: str
    case: Case
    mean: float
    deviation: float
    highest: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the mean is within its limit."""
        return self.mean <= self.limit


def claims(found: Found) -> tuple[Claim, ...]:
    """Return every claim on what was measured; without a trace those on it are left out."""
    return tuple(_claims(found))


def _claims(found: Found) -> Iterator[Claim]:
    for share in SHARES:
        case = Case(TRACE, share)
        if case in found.cases:
            yield _claim(found, case, TRACE_RATIO)
    if OFFICE in found.cases:
        yield _claim(found, OFFICE, OFFICE_RATIO)


def _claim(found: Found, case: Case, limit: float) -> Claim:
    deviation, _, highest = found.spread(case, PRODUCT, "same")
    text = f"{case.title}, $ with the price of waiting: {PRODUCT} / {SAME}"
    return Claim(text, case, found.mean(case, PRODUCT, "same"), deviation, highest, limit)
