"""Growth that changes: `revenue growth slowed`, `the slide in sales stopped`, `grew faster than the year before`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.facts import Period

_QUICKER = (
    r"accelerat(?:ed|es|ing)|quicken(?:ed|s|ing)?|(?:picked|picks|picking)\sup(?:\s(?:speed|pace|momentum))?"
    r"|gather(?:ed|s|ing)\s(?:pace|speed|momentum|steam)|gain(?:ed|s|ing)\s(?:pace|speed|momentum)|sped\sup"
    r"|(?:was|is)\s(?:faster|quicker|brisker)\sthan|strengthen(?:ed|s)"
)
_SLOWER = (
    r"slow(?:ed|s|ing)?(?:\sdown)?|decelerat(?:ed|es|ing)|lost\s(?:pace|speed|momentum|steam)|cool(?:ed|s|ing)(?:\soff)?"
    r"|moderat(?:ed|es|ing)|tail(?:ed|s)\soff|(?:was|is)\sslower\sthan|weaken(?:ed|s)|fad(?:ed|es)"
)
_ENDED = (
    r"(?:(?:c[ao]me?s?|ground|grinds)\sto\s(?:a\s(?:halt|stop|standstill)|an\send|nothing)|stalled|stopped|ceased|dried\sup"
    r"|(?:was|were|has\sbeen|had\sbeen)\s(?:halted|stopped|arrested|reversed)|evaporated|vanished|disappeared)"
)
_ENDING = r"(?:stopped|halted|arrested|stemmed|ended|reversed|broke|put\san\send\sto|brought\san\send\sto)"
_UP = r"(?:growth|expansion|increases?|rise|upward\strend|advance)"
_DOWN = r"(?:declines?|slide|fall|erosion|contraction|decrease|shrinkage|downward\strend|downturn|slump|drop)"
SPEED = re.compile(
    rf"\bgrowth\s(?:(?:has|have|also|then|again|clearly)\s)*(?:(?P<quicker>{_QUICKER})|(?P<slower>{_SLOWER}))\b"
)
STOPPED = re.compile(
    rf"\b(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\s(?:in\s(?:the\s|its\s)?(?P<of>\w+(?:\s\w+){{0,2}}?)\s)?(?:has\s|have\s)?{_ENDED}\b"
    rf"|\b{_ENDING}\s(?:the|its|a|their)\s(?:\w+\s)?(?:(?P<up2>{_UP})|(?P<down2>{_DOWN}))\s(?:in|of)\s"
)
THAN_BEFORE = re.compile(
    r"\bgr[eo]w(?:ing|n|s)?\s(?:(?P<faster>faster|more\s(?:quickly|rapidly|strongly))|(?P<slower>slower|more\sslowly|less\squickly))"
    r"\s(?:in\s\S+\s)?than\s(?:in\s|it\s(?:had|did)\s(?:in\s)?)?(?=the\s(?:year\sbefore|prior|previous|preceding)|a\syear\searlier|fy|20\d\d)"
)
STILL = 0.015


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such statement for a figure of one company."""
    for match in SPEED.finditer(scene.text):
        yield from _ruled(scene, match, "quicker" if match["quicker"] else "slower")
    for match in THAN_BEFORE.finditer(scene.text):
        yield from _ruled(scene, match, "quicker" if match["faster"] else "slower")
    for match in STOPPED.finditer(scene.text):
        yield from _ruled(scene, match, "no rise" if match["up"] or match["up2"] else "no fall")


def _ruled(scene: Scene, match: re.Match[str], kind: str) -> Iterator[Ruling]:
    term = _subject(scene, match)
    if term is None or unreal(scene, match.start()):
        return
    year = next((m.period for m in scene.periods if m.period.year and not m.period.quarter and not m.event), None)
    for name in sorted(term.names):
        rates = _rates(scene, name, term.owner or SELF, year)
        true = _holds(kind, rates)
        if true is not None:
            yield Ruling(match.start(), match.end(), true != denied(scene, match.start()), (rates[-1][0].id,))
            return


def _subject(scene: Scene, match: re.Match[str]) -> Term | None:
    """Return the figure that grows: named in the match, right before or right after it; `growth` alone is revenue's."""
    inside = [t for t in scene.terms if match.start() <= t.start < match.end() and t.names - {"Revenue growth"}]
    right = scene.after(match.end())
    near = [t for t in scene.before(match.start() + 1)[:1] if len(scene.text[t.end : match.start()]) < 12]
    found = next(iter([*inside, *([right] if right is not None and right.names else []), *near]), None)
    turned = {grown: name for name, grown in sorted(GROWTH.items(), reverse=True)}
    if found is not None:
        return replace(found, names=frozenset(turned.get(name, name) for name in found.names))
    if match[0].startswith(("growth", "grew", "growing")):
        return Term(match.start(), match.start(), frozenset({"Revenue"}), scene.subject(match.start()))
    return None


def _rates(scene: Scene, name: str, owner: str, year: Period | None) -> list[tuple[Figure, float]]:
    """Return the growth of each year up to the one that the sentence names, oldest first."""
    series = scene.figures.series(name, owner)
    if year is not None:
        series = [i for i in series if i.period and (i.period.year or 0) <= (year.year or 0)]
    return [(new, new.value / old.value - 1) for old, new in pairwise(series) if old.value > 0]


def _holds(kind: str, rates: list[tuple[Figure, float]]) -> bool | None:
    if kind == "no rise":
        return rates[-1][1] < STILL if rates else None
    if kind == "no fall":
        return rates[-1][1] > -STILL if rates else None
    if len(rates) < 2 or rates[-1][1] == rates[-2][1]:
        return None
    return (rates[-1][1] > rates[-2][1]) == (kind == "quicker")
