"""A list of values for consecutive periods: `in the four quarters of 2024 was $1m, $2m, $3m and $4m`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ert_backend.grounding.claims.decide import Ruling, fits
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.numerals import Numeral

NEXT = re.compile(r",\s|,?\s(?:and|then|and then)\s|,\sthen\s")
OTHER_WAY = re.compile(
    r"\b(?:respectively from|in descending|in reverse|ranked|ranging|from (?:highest|lowest|largest)|in no order)\b"
)


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check lists of three or more; the correct values in a different order are an error."""
    for run in _runs(scene):
        term = next(iter(scene.before(run[0].start)), None)
        if term is None or not term.names or OTHER_WAY.search(scene.text):
            continue
        outcome = _ordered(_series(scene, term, len(run)), run)
        if outcome is not None:
            yield Ruling(run[0].start, run[-1].end, outcome, (), tuple(run) if outcome else ())


def _runs(scene: Scene) -> list[list[Numeral]]:
    runs: list[list[Numeral]] = []
    for numeral in scene.numerals:
        if runs and NEXT.fullmatch(scene.text[runs[-1][-1].end : numeral.start]):
            runs[-1].append(numeral)
        else:
            runs.append([numeral])
    return [run for run in runs if len(run) >= 3]


def _series(scene: Scene, term: Term, count: int) -> list[list[Figure]]:
    owner, found = term.owner or SELF, []
    years = [m.period.year for m in scene.periods if m.period.year and not m.period.quarter]
    for name in sorted(term.names):
        if "quarter" in scene.text:
            found.append(scene.figures.quarters(name, owner, years[0] if years else None))
        elif re.search(r"\byears\b", scene.text):
            found.append(scene.figures.series(name, owner))
    return [series[-count:] for series in found if len(series) >= count]


def _ordered(found: Sequence[Sequence[Figure]], run: Sequence[Numeral]) -> bool | None:
    """Whether a series is listed in order; None where a value is not in the series."""
    for series in found:
        if all(fits(numeral, item) for numeral, item in zip(run, series, strict=True)):
            return True
        if all(any(fits(numeral, item) for item in series) for numeral in run):
            return False
    return None
