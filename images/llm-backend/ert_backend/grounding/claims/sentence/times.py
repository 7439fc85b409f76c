"""The start and end of a change: `since FY2022`, `from 2023 to 2024`, `two years running`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ert_backend.grounding.claims.known.figures import Figure, Figures
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.when import leading, referred
from ert_backend.grounding.facts import Period
from ert_backend.grounding.periods import Mention

_N = r"(?P<{0}>two|three|four|five|2|3|4|5)"
COUNT = {"two": 2, "three": 3, "four": 4, "five": 5, "second": 2, "third": 3, "fourth": 4, "both": 2, "straight": 2}
# A change that applies to every step.
EVERY = re.compile(
    rf"""
    \b(?:
      (?:in\s)?(?:each|every|both|all)(?:\sone|\ssingle\sone)?(?:\sof)?(?:\s(?:the|its|these|those))?(?:\s(?:past|last|previous|successive
        |recent|latest|single))*
        (?:\s{_N.format("n1")})?(?:\s(?:fiscal|financial|reported|successive|consecutive))?\s(?P<unit1>years?
          |quarters?)
    | {_N.format("n2")}\s(?:(?:fiscal|financial|straight|consecutive|successive)\s)*(?P<unit2>years
      |quarters)\s(?:running|in\sa\srow|in\ssuccession|straight)
    | (?:for\s)?(?P<n5>two|three|four|2|3|4)\s(?:straight|consecutive|successive)\s(?:fiscal\s)?(?P<unit5>years
      |quarters)
    | (?P<n3>second|third|fourth)\s(?:straight|consecutive|successive|(?:fiscal\s)?(?:year|quarter)\s(?:running
      |in\sa\srow|in\ssuccession))
        (?:\s(?:fiscal\s)?(?P<unit3>year|quarter))?
    | (?P<unit4>year|quarter)\s(?:after|by)\s(?:year|quarter)
    | (?P<steady>steadily|consistently|uninterrupted(?:ly)?|without\s(?:an?\s|any\s)?(?:interruption|break
      |pause|exception)|throughout\sthe\syear
      |quarter\sto\squarter)
    )\b
    """,
    re.VERBOSE,
)
COURSE = re.compile(
    r"\b(?:over the course of|as|through(?:out)?|across|during the course of|in the course of|with each quarter of)"
    r" (?:the year|20\d\d|the quarters of 20\d\d)(?: (?:progressed|went on|wore on|unfolded|advanced))?\b"
)
SPAN = re.compile(
    rf"\b(?:over|in|within|across|during|for)(?: just| only| barely)?(?: the)?"
    rf"(?: (?:past|last|span of|course of|previous"
    rf"|space of))*(?: the)?(?: last| past)?"
    rf" {_N.format('years')} (?:fiscal |financial )?(?P<unit>years|quarters)\b|\b(?:two|three)[ -]year\b"
    r"|\b(?:over|across|during) the (?:whole |entire |full )?period\b"
)
BOTH_YEARS = re.compile(r"\b(?:in (?:both|each of the two) years|two years (?:running|in a row|in succession))\b")
SEQUENTIAL = re.compile(
    r"\b(?:sequential(?:ly)?|quarter (?:on|over) quarter|from (?:the )?quarter to quarter|q/q|qoq)\b"
)
LEVEL = re.compile(r"(?:'s)?[ -](?:year |period )?levels?\b")
SINCE = re.compile(r"\bsince\s(?:the\s)?(?:\w+\sof\s)?$")
SINCE_THEN = re.compile(r"\b(?:has|have) since\s[a-z ]{1,22}$")
AFTER_THAT = re.compile(r"\b(?:after|following)\s(?:\w+\s){0,2}\w+$")
QUARTERS = re.compile(r"\b(?<!about a )(?<!to a )(?<!by a )(?<!than a )(?<!three )(?<!one )(?<!\ba )quarter(?:ly|s)?\b")


@dataclass(frozen=True, slots=True)
class Span:
    """From `older` to `newer`; `steps` requires the change in each of the last steps (0: in all that are known)."""

    older: Period | None = None
    newer: Period | None = None
    steps: int | None = None
    quarterly: bool = False
    years: int | None = None
    course: bool = False
    vague: bool = False


def span(scene: Scene, begin: int, stop: int, lead: int = 0) -> Span:
    """Return the start and end of the change that the text between two positions gives.

    `lead`: a date from this position on is used as the newer one, too, if the range contains none.
    """
    if (both := _between(scene, lead or begin, stop)) is not None:
        return both
    text = scene.text[begin:stop]
    found = [
        m
        for m in scene.periods
        if begin <= m.start < stop
        and not LEVEL.match(scene.text, m.end)
        and (not m.event or SINCE.search(scene.text[: m.start][-20:]))
    ]
    before = [m for m in scene.periods if lead <= m.start < begin and not m.event and not referred(scene.text, m)]
    compared = [m for m in found if referred(scene.text, m) or _left(scene, begin, m)]
    compared += [m for m in scene.periods if lead <= m.start < begin and referred(scene.text, m)]
    older = next(iter(compared), None)
    newer = next((m for m in found if m is not older and not _old(scene, m, begin)), None)
    if older is None:
        older = next((m for m in found if m is not newer and _old(scene, m, begin)), None)
    if newer is None and before and (older is None or older.relative):
        newer = before[-1]
    if newer is None and older is None:
        newer = next((m for m in scene.periods[:2] if m.start < lead and leading(scene.text, m)), None)
    both = (_since_then(scene, begin) if older is None else None) or _both(scene, found)
    if both is not None:
        return both
    year = newer.period if newer else None
    quarterly = QUARTERS.search(text) is not None or bool(year and year.quarter)
    every = EVERY.search(scene.text, begin, stop) or EVERY.search(scene.text, lead, begin)
    if every:
        return Span(older.period if older else None, year, _steps(every), _by_quarter(every) or _course(scene))
    course = COURSE.search(scene.text, lead, stop)
    if course and (
        QUARTERS.search(scene.text) or "course" in course[0] or "progressed" in course[0] or "through" in course[0]
    ):
        return Span(None, _year_of(course[0], scene.figures), 0, True, course=True)
    if over := SPAN.search(scene.text, lead, stop):
        return Span(None, year, years=COUNT.get(over["years"] or "two") or int(over["years"] or 2))
    if SEQUENTIAL.search(scene.text, lead, stop):
        return Span(None, year or scene.figures.latest.quarter, quarterly=True)
    vague = newer is not None and newer.vague
    return Span(older.period if older else None, year, quarterly=quarterly, vague=vague)


def _between(scene: Scene, begin: int, stop: int) -> Span | None:
    """Parse `between the first and the fourth quarter of 2024`."""
    for one, two in pairwise([m for m in scene.periods if begin <= m.start < stop][:4]):
        a, b = one.period, two.period
        opens = re.search(r"\bbetween\s(?:the\s)?$", scene.text[max(0, one.start - 14) : one.start])
        if opens and re.fullmatch(r"\s(?:and)\s(?:the\s)?", scene.text[one.end : two.start]) and b.year:
            return Span(a if a.year else replace(a, year=b.year), b, quarterly=b.quarter is not None)
    return None


def _since_then(scene: Scene, begin: int) -> Span | None:
    """Parse `and has since fallen`: from the date mentioned before until now."""
    past = [m for m in scene.periods if m.end <= begin and m.period.year]
    return Span(past[-1].period) if past and SINCE_THEN.search(scene.text[max(0, begin - 40) : begin]) else None


def _both(scene: Scene, found: Sequence[Mention]) -> Span | None:
    """Parse `in both 2023 and 2024`: the change of each year."""
    for one, two in pairwise(found[:3]):
        a, b = one.period, two.period
        joined = re.fullmatch(r"\s(?:and|and in)\s", scene.text[one.end : two.start]) is not None
        apart = (b.year or 0) - (a.year or 0)
        if joined and a.year and apart == 1 and not a.quarter and not referred(scene.text, one):
            return Span(None, b, steps=2)
    return None


def _left(scene: Scene, begin: int, mention: Mention) -> bool:
    """Whether this is the date of a start value: `from $9 billion in 2024`."""
    return (
        re.search(
            r"\b(?:from|against|compared with|compared to|versus|on)\s(?:[^a-z]{1,12}|(?:the|its|a)\s)"
            r"(?:\w+\s){0,3}(?:in|for|of"
            r"|during|at the end of)\s(?:the\s|fiscal\s)*$",
            scene.text[begin : mention.start],
        )
        is not None
    )


def _old(scene: Scene, mention: Mention, begin: int) -> bool:
    """Whether the date is relative: `a year earlier`, `the prior year`."""
    if AFTER_THAT.search(scene.text[max(0, begin - 40) : begin]):
        return False  # `fell after growing by 10% the year before`
    start, text = mention.start, scene.text[mention.start : mention.end]
    return re.search(r"earlier|ago|before|prior|previous|preceding", text) is not None and not re.search(
        r"\b(?:in|for|during)\s(?:the\s)?$", scene.text[max(0, start - 12) : start]
    )


def _steps(match: re.Match[str]) -> int:
    said = next((match[name] for name in ("n1", "n2", "n3", "n5") if match[name]), None)
    if said:
        return COUNT.get(said) or int(said)
    return 2 if match[0].startswith(("both", "in both")) else 0


def _by_quarter(match: re.Match[str]) -> bool:
    return match[0].startswith("quarter") or any(
        (match[name] or "").startswith("quarter") for name in ("unit1", "unit2", "unit3", "unit4", "unit5")
    )


def _course(scene: Scene) -> bool:
    text = re.sub(
        r"\b(?:over|throughout|across|through|during|within) (?:the )?(?:past|last|latest|whole)? ?year\b",
        "",
        scene.text,
    )
    return QUARTERS.search(scene.text) is not None and "year" not in text


def _year_of(text: str, figures: Figures) -> Period:
    year = re.search(r"20\d\d", text)
    return Period(int(year[0]) if year else figures.latest.year)


def couples(figures: Figures, name: str, owner: str, asked: Span) -> tuple[list[tuple[Figure, Figure]], bool]:
    """Return pairs of an older and a newer figure for the span, and whether the change is required of every pair."""
    if asked.steps is not None:
        return _steps_of(figures, name, owner, asked), True
    if asked.years:
        series = figures.series(name, owner)
        ends = [series[-1 - back : len(series) - back][:1] for back in (asked.years, asked.years - 1)]
        return [(old, series[-1]) for found in ends for old in found if old is not series[-1]], False
    newer = figures.find(name, owner, asked.newer)
    if not newer and asked.vague:
        newer = figures.find(name, owner)
    if asked.older is not None:
        return [(old, new) for new in newer for old in figures.find(name, owner, asked.older) if old is not new], False
    if asked.quarterly and asked.newer is None and figures.latest.quarter:
        newer = figures.find(name, owner, figures.latest.quarter) or newer
    return [(old, new) for new in newer for old in figures.before(name, owner, new)], False


def _steps_of(figures: Figures, name: str, owner: str, asked: Span) -> list[tuple[Figure, Figure]]:
    if asked.quarterly:
        series: Sequence[Figure] = figures.quarters(
            name, owner, asked.newer.year if asked.course and asked.newer else None
        )
    else:
        series = figures.series(name, owner)
    if asked.newer is not None and not asked.course:
        series = [i for i in series if i.period and _not_after(i.period, asked.newer)]
    if asked.older is not None and asked.older.year:
        series = [i for i in series if i.period and (i.period.year or 0) >= (asked.older.year or 0)]
    steps = list(pairwise(series))
    return steps[-asked.steps :] if asked.steps else steps


def _not_after(period: Period, newest: Period) -> bool:
    year, limit = period.year or 0, newest.year or 9999
    return (year, period.quarter or 0) <= (limit, newest.quarter or 9)
