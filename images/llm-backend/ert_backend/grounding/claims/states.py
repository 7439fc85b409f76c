"""States of a company that follow from figures: `no debt`, `profitable`, `pays a dividend`, `net cash`, `negative`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import EVERY
from ert_backend.grounding.claims.words.signs import ONLY_THEN, PASSING, SIGN, WITHOUT
from ert_backend.grounding.claims.words.states import DENY, NEVER, OVER, PATTERNS, State


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each state of a company."""
    for pattern, state in PATTERNS:
        for match in pattern.finditer(scene.text):
            if not unreal(scene, match.start()) and not PASSING.search(scene.text[: match.start()][-50:]):
                yield from _state(scene, match, state)
    yield from _signs(scene)


def _state(scene: Scene, match: re.Match[str], state: State) -> Iterator[Ruling]:
    owner = owner_at(scene, match.start(), match.end())
    told = next((n.end for n in scene.numerals if scene.text[match.end() : n.start] == " of "), match.end())
    found = next((f for name in state.names if (f := _figures(scene, name, owner, match, told))), None)
    if not found:
        return
    deny = denies(scene, match.start())
    outcomes = [state.holds(item.value) for item in found]
    true = not any(outcomes) if deny else all(outcomes)
    if ONLY_THEN.search(scene.text) and found[0].period and found[0].period.quarter and not deny:
        rest = [i for i in scene.figures.quarters(found[0].name, owner, found[0].period.year) if i is not found[0]]
        true = true and not any(state.holds(i.value) for i in rest)
    yield Ruling(match.start(), match.end(), true, (found[-1].id,))


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


def _figures(scene: Scene, name: str, owner: str, match: re.Match[str], end: int = 0) -> list[Figure]:
    figures = scene.figures
    around = OVER.search(scene.text) or EVERY.search(scene.text)
    if around:
        series = figures.series(name, owner)
        if "quarter" in around[0]:
            series = figures.quarters(name, owner)
        if series:
            return series
    mention = scene.time(match.start(), end or match.end())
    found = list(figures.find(name, owner, mention.period if mention else None))
    if not found and mention is not None and mention.vague:
        found = list(figures.find(name, owner))
    return found


def _signs(scene: Scene) -> Iterator[Ruling]:
    """Check `negative free cash flow`, `the net margin is positive`."""
    for match in SIGN.finditer(scene.text):
        if unreal(scene, match.start()):
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
    deny = denies(scene, match.start())
    outcomes: list[bool] = []
    ids: tuple[str, ...] = ()
    for name in sorted(term.names):
        found = _figures(scene, name, term.owner or SELF, match)
        values = [(item.value > 0) == positive for item in found]
        if values:
            outcomes.append(not any(values) if deny else all(values))
            ids = ids or (found[-1].id,)
    if outcomes:
        yield Ruling(match.start(), match.end(), any(outcomes), ids)
