"""States of a company that follow from figures: `no debt`, `profitable`, `pays a dividend`, `net cash`, `negative`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import NUMBERS
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import EVERY
from ert_backend.grounding.claims.stated.absent import DOUBLE
from ert_backend.grounding.claims.words.idioms import IDIOMS
from ert_backend.grounding.claims.words.signs import (
    ABSENT,
    ATTRIBUTE,
    BETWEEN,
    COUNTED,
    OF_BEFORE,
    ONLY_THEN,
    PASSING,
    SIGN,
    SPARED,
    WITHOUT,
)
from ert_backend.grounding.claims.words.states import DENY, EVER, NEVER, OVER, PATTERNS, State


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each state of a company."""
    for pattern, state in (*PATTERNS, *IDIOMS):
        for match in pattern.finditer(scene.text):
            if not unreal(scene, match.start()) and not _passing(scene, match):
                yield from _state(scene, match, state)
    yield from _signs(scene)


def _passing(scene: Scene, match: re.Match[str]) -> bool:
    """Whether it is the previous state: `went from net debt to`, but not `to net cash`."""
    return not match[0].startswith(("to ", "into ")) and PASSING.search(scene.text[: match.start()][-50:]) is not None


def _state(scene: Scene, match: re.Match[str], state: State) -> Iterator[Ruling]:
    owner = owner_at(scene, match.start(), match.end())
    inside = [c for c in scene.companies if match.start() < c.start < match.end()]
    owner = (inside[0].owner or SELF) if inside else owner
    if owner in OF_GROUP or SPARED.search(scene.text) or BETWEEN.match(scene.text, match.end()):
        return
    if ATTRIBUTE.match(scene.text, match.end()) or _before_that(scene, match):
        return
    told = next((n.end for n in scene.numerals if scene.text[match.end() : n.start] == " of "), match.end())
    deny = denies(scene, match.start())
    if (counted := COUNTED.search(scene.text[: match.start()][-60:])) is not None and not deny:
        yield from _counted(scene, match, counted, owner, state)
        return
    ever = deny and EVER.search(scene.text[scene.clause(match.start())[0] : match.start()]) is not None
    found = next((f for name in state.names if (f := _figures(scene, name, owner, (match, told), ever))), None)
    if not found:
        return
    outcomes = [state.holds(item.value) for item in found]
    true = not any(outcomes) if deny else all(outcomes)
    if ONLY_THEN.search(scene.text) and found[0].period and found[0].period.quarter and not deny:
        rest = [i for i in scene.figures.quarters(found[0].name, owner, found[0].period.year) if i is not found[0]]
        true = true and not any(state.holds(i.value) for i in rest)
    yield Ruling(match.start(), match.end(), true, (found[-1].id,))


def _before_that(scene: Scene, match: re.Match[str]) -> bool:
    """Whether it is a state of another date: `having held net cash`, `a year before income turned positive`."""
    return bool(scene.periods) and OF_BEFORE.search(scene.text[max(0, match.start() - 60) : match.start()]) is not None


def _counted(scene: Scene, match: re.Match[str], counted: re.Match[str], owner: str, state: State) -> Iterator[Ruling]:
    """Check `only one quarter of 2024 ended with a profit` against the number of dates in that state."""
    year = next((m.period.year for m in scene.periods if m.period.year), None)
    for name in state.names:
        by_quarter = counted["unit"].startswith("quarter")
        series = scene.figures.quarters(name, owner, year) if by_quarter else scene.figures.series(name, owner)
        if len(series) > 1:
            count = sum(state.holds(item.value) for item in series)
            yield Ruling(match.start(), match.end(), count == NUMBERS[counted["count"]], (series[-1].id,))
            return


def denies(scene: Scene, place: int) -> bool:
    """Whether the next part is negated."""
    begin, _ = scene.clause(place)
    before = scene.text[max(begin, place - 90) : place]
    if WITHOUT.search(scene.text[max(begin, place - 90) : place + 8]):
        return not before.endswith("without ")  # `has not gone a year without paying a dividend`
    return DENY.search(before[-70:]) is not None or NEVER.match(scene.text) is not None


def owner_at(scene: Scene, start: int, end: int) -> str:
    """Return the company in this state: the subject, also as a possessive (`ALFA's balance sheet has no debt`)."""
    begin, _ = scene.clause(start)
    owners = [c for c in scene.companies if begin <= c.start < start]
    if owners and not owners[-1].named and scene.text[owners[-1].end :][:2] in {"'s", "' "}:
        return owners[-1].owner or SELF
    behind = re.match(r"\s(?:at|for)\s", scene.text[end : end + 5])
    after = next((c for c in scene.companies if c.start == end + behind.end()), None) if behind else None
    return (after.owner or SELF) if after else scene.subject(start)


def _figures(scene: Scene, name: str, owner: str, place: tuple[re.Match[str], int], ever: bool = False) -> list[Figure]:
    """Return the figures that a state is about: all dates for `never`, `each year`; else that of its date."""
    figures, (match, end) = scene.figures, place
    if ever and not any(m.period.year or m.period.quarter for m in scene.periods) and figures.series(name, owner):
        return figures.series(name, owner)
    around = OVER.search(scene.text) or EVERY.search(scene.text)
    if around and "for the first time" not in scene.text:
        series = figures.series(name, owner)
        if "quarter" in around[0]:
            series = figures.quarters(name, owner)
        if series:
            return series
    if any(match.start() < m.start < match.end() for m in scene.periods):  # `a profit in FY2023 gave way to a loss`
        stop = scene.clause(match.end() - 1)[1]
        mention = next((m for m in scene.periods if match.end() <= m.start < stop), None)
    else:
        mention = scene.time(match.start(), end)
    found = list(figures.find(name, owner, mention.period if mention else None))
    if not found and mention is not None and mention.vague:
        found = list(figures.find(name, owner))
    return found


def _signs(scene: Scene) -> Iterator[Ruling]:
    """Check `negative free cash flow`, `the net margin is positive`."""
    for match in SIGN.finditer(scene.text):
        if unreal(scene, match.start()) or _before_that(scene, match):
            continue
        if match["adjective"]:
            term = scene.after(match.end())
            gap = scene.text[match.end() : term.start] if term else " " * 9
            subject = term if term and term.names and len(gap) < 8 else None
        else:
            subject = next((t for t in scene.before(match.start())), None)
        if subject is None or not subject.names:
            continue
        word = match["adjective"] or match["is"] or match["zero"]
        positive = word.startswith(("positive", "above"))
        yield from _signed(scene, match, subject, positive)


def _signed(scene: Scene, match: re.Match[str], term: Term, positive: bool) -> Iterator[Ruling]:
    if DOUBLE.search(scene.text[max(0, match.start() - 60) : match.start()]):
        return
    deny = denies(scene, match.start()) or ABSENT.match(scene.text, max(match.end(), term.end)) is not None
    outcomes: list[bool] = []
    ids: tuple[str, ...] = ()
    for name in sorted(term.names):
        found = _figures(scene, name, term.owner or SELF, (match, match.end()))
        values = [(item.value > 0) == positive for item in found]
        if values:
            outcomes.append(not any(values) if deny else all(values))
            ids = ids or (found[-1].id,)
    if outcomes:
        yield Ruling(match.start(), match.end(), any(outcomes), ids)
