"""Ranks over companies and over time: `the highest margin of the three`, `peaked in FY2023`, `the cheapest`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.ranked import ranked
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told
from ert_backend.grounding.claims.words.ranks import (
    EXCEPT,
    IS_LATEST,
    LOSS,
    OF_COMPANIES,
    OF_TIMES,
    ONLY,
    SUPER,
    TIME_BEHIND,
)
from ert_backend.grounding.facts import Period

EXCLUDED = re.compile(
    r"s?,?\s(?:of the (?:three|group|peer group)\s)?(?:after|behind|except(?: for)?|apart from|other than|bar|save for"
    r"|excluding|with the exception of|second only to|but for)\s(?:that of\s)?"
)
FALLING = re.compile(r"s?\s(?:declines?|fall|drop|contraction|slide|slump)\b")
MONTHS = re.compile(r"\b(?:opening|closing|first|last|final) three months\b")
RIGHT_BEHIND = re.compile(r"\s(?:in|during|for|at)\s(?:the\s)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate of a ranking, with its value."""

    key: str
    value: float
    id: str


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each rank."""
    for match in SUPER.finditer(scene.text):
        if not unreal(scene, match.start()) and not EXCEPT.search(
            scene.text[max(0, match.start() - 30) : match.start()]
        ):
            yield from _rank(scene, match)
    for match in ONLY.finditer(scene.text):
        yield from _only(scene, match)


def _rank(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    if MONTHS.search(scene.text) and not re.search(r"\bquarter\b", scene.text):
        return
    terms, first = ranked(scene, match)
    if not terms:
        return
    peers = OF_COMPANIES.search(scene.text)
    times = OF_TIMES.search(scene.text)
    of_companies = times is None and len(scene.figures.peers) > 0
    if TIME_BEHIND.match(scene.text, match.end()):
        peers, of_companies = None, False
    if peers is not None:
        count = {"two": 2, "three": 3, "four": 4}.get(peers[0].rsplit(" ", 1)[-1])
        of_companies = times is None or count is None or count == len(scene.figures.peers) + 1
    for term in terms:
        results: list[bool] = []
        ids: tuple[str, ...] = ()
        falling = FALLING.match(scene.text, term.end) is not None
        names = [GROWTH[name] for name in term.names if name in GROWTH] if falling else term.names
        for name in sorted(names):
            inverse = falling or LOSS.search(scene.text[term.start : term.end]) is not None
            entries, key = _companies(scene, match, term, name) if of_companies else _times(scene, match, term, name)
            placed = _placed(entries, key, first != inverse, match)
            if placed is not None:
                results.append(placed)
                ids = ids or tuple(entry.id for entry in entries if entry.key == key)
        if results:
            true = any(results)
            told = [
                n for n in scene.numerals if true and any(i.id in ids and is_told(n, i) for i in _known(scene, term))
            ]
            yield Ruling(match.start(), match.end(), true != denied(scene, match.start()), ids, tuple(told))


def _known(scene: Scene, term: Term) -> Iterator[Figure]:
    """Yield every figure of the name, for any company and date."""
    for owner in (SELF, *scene.figures.peers):
        for name in term.names:
            yield from scene.figures.known.get((owner, name), ())


def _companies(scene: Scene, match: re.Match[str], term: Term, name: str) -> tuple[list[Entry], str]:
    entries = [
        Entry(owner, found[0].value, found[0].id)
        for owner in (SELF, *scene.figures.peers)
        if (found := scene.figures.find(name, owner))
    ]
    between = [c for c in scene.companies if term.end <= c.start < match.start()]
    if between and term.start < match.start():
        return entries, between[-1].owner or SELF
    if (excluded := EXCLUDED.match(scene.text, max(match.end(), term.end))) is not None:  # `the lowest after ALFA`
        spared = [c.owner or SELF for c in scene.companies if c.start == excluded.end()]
        entries = [entry for entry in entries if entry.key not in spared]
    grouped = term.owner in OF_GROUP
    owner = term.owner if term.named and term.owner is not None and not grouped else scene.subject(match.start())
    if not term.named:
        begin = scene.clause(match.start())[0]
        owned = [c for c in scene.companies if begin <= c.start < match.start() and not c.named]
        belongs = re.search(
            r"\b(?:belongs to|is (?:that|those) of|goes to|is|was|(?<!ahead )(?<!front )of)\s(?:the\s)?$",
            scene.text[max(0, _next(scene, match) - 20) : _next(scene, match)],
        )
        if (
            belongs
            and (later := next((c for c in scene.companies if c.start >= match.end()), None))
            and later.owner in {SELF, *scene.figures.peers}
        ):
            owner = later.owner or SELF
        elif owned and not any(c.named for c in scene.companies if c.start < match.start()):
            owner = owned[-1].owner or SELF
    return entries, owner


def _next(scene: Scene, match: re.Match[str]) -> int:
    later = next((c for c in scene.companies if c.start >= match.end()), None)
    return later.start if later else 0


def _times(scene: Scene, match: re.Match[str], term: Term, name: str) -> tuple[list[Entry], str]:
    figures, owner = scene.figures, term.owner or SELF
    mention = _when(scene, match)
    by_quarter = re.search(r"\bquarter|\bof the four\b", scene.text) is not None or bool(mention and mention.quarter)
    latest = IS_LATEST.search(scene.text)
    if by_quarter:
        within = re.search(r"\bof (?:the year|(?:fy)?(20\d\d))\b", scene.text)
        year = int(within[1]) if within and within[1] else None
        series = figures.quarters(name, owner, year)
        key = mention if mention and mention.quarter else (figures.latest.quarter if latest else None)
    else:
        series = figures.series(name, owner)
        key = mention or (
            Period(figures.latest.year) if latest or re.search(r"\b(?:now|current|today)\b", scene.text) else None
        )
    return [Entry(_key(i, by_quarter), i.value, i.id) for i in series], _wanted(series, key, by_quarter)


def _when(scene: Scene, match: re.Match[str]) -> Period | None:
    """Return the date of the peak, not one that only restricts the comparison (`of 2024`, `since 2022`)."""
    mentions = [
        m
        for m in scene.periods
        if not m.event
        and not re.search(
            r"(?<!that )(?<!those )\b(?:of|since|between|and|over|among|than|for)\s(?:the\s|fiscal\s|all\s)*$",
            scene.text[max(0, m.start - 20) : m.start],
        )
    ]
    mentions = [m for m in mentions if m.text.lower() != "quarterly"] or mentions
    if not mentions:
        found = scene.time(match.start(), match.end())
        bounds = (
            re.search(r"(?<!end )\b(?:of|since)\s(?:the\s)?$", scene.text[max(0, found.start - 12) : found.start])
            if found
            else None
        )
        return found.period if found and not bounds else None
    behind = next((m for m in mentions if RIGHT_BEHIND.fullmatch(scene.text[match.end() : m.start])), None)
    if behind is not None:
        return behind.period
    near = min(mentions, key=lambda m: min(abs(m.start - match.end()), abs(match.start() - m.end)))
    return near.period


def _key(item: Figure, by_quarter: bool) -> str:
    period = item.period or Period()
    return f"{period.year}Q{period.quarter}" if by_quarter else str(period.year)


def _wanted(series: Sequence[Figure], key: Period | None, by_quarter: bool) -> str:
    if key is None:
        return ""
    year = key.year
    if by_quarter and year is None:
        same = [i.period.year for i in series if i.period and i.period.quarter == key.quarter]
        year = same[-1] if same else None
    return f"{year}Q{key.quarter}" if by_quarter else str(year)


def _placed(entries: Sequence[Entry], key: str, high: bool, match: re.Match[str]) -> bool | None:
    mine = next((entry.value for entry in entries if entry.key == key), None)
    others = [entry.value for entry in entries if entry.key != key]
    if mine is None or not others:
        return None
    ahead = sum(value > mine if high else value < mine for value in others)
    if match["nth"]:
        return ahead == {"third": 2, "fourth": 3}[match["nth"]] if len(others) > 1 else None
    if match["middle"]:
        return ahead == 1 if len(others) > 1 else None
    if match["second"]:
        return ahead == {"second": 1, "third": 2}.get(match["second"], ahead)
    return ahead == 0


def _only(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `its only profitable quarter of the year`."""
    by_quarter = (match["unit"] or match["unit2"]) == "quarter"
    positive = match["profit"] is not None or match["kind"] == "profit"
    owner = scene.subject(match.start())
    mention = next((m.period for m in scene.periods if m.period.quarter or not by_quarter), None)
    if mention is None:
        return
    figures = scene.figures
    series = figures.quarters("Net income", owner, mention.year) if by_quarter else figures.series("Net income", owner)
    wanted = _wanted(series, mention, by_quarter)
    held = [_key(i, by_quarter) for i in series if (i.value > 0) == positive]
    if series and wanted in {_key(i, by_quarter) for i in series}:
        yield Ruling(match.start(), match.end(), held == [wanted], (series[0].id,))
