"""Denied equalities with an adjective: `no peer is as indebted as ALFA`, `not as profitable as ALFA`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims import decide as judged
from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import NONE, Term
from ert_backend.grounding.claims.words.predicates import OF_COMPANIES

_HOW = sorted({how.split(" ", 1)[1] for how in OF_COMPANIES if how.startswith("more ")}, key=len, reverse=True)
_PLAIN = {
    "large": "larger",
    "big": "larger",
    "small": "smaller",
    "cheap": "cheaper",
    "dear": "dearer",
    "fast growing": "faster growing",
}
_SIZE = (
    r"(?P<up>high|large|much|wide|big|strong|good|great|rich|fat|many)|(?P<down>low|little|small|thin|few|narrow|weak)"
)
AS_IS = re.compile(rf"\bas\s(?P<how>{'|'.join([*_HOW, *_PLAIN])})\sas(?!\w)")
AS_HIGH = re.compile(rf"\bas\s(?:{_SIZE})\s(?:an?\s)?(?=\w)")
AS_HIGH_AS = re.compile(rf"\bas\s(?:{_SIZE})\sas\s")
NEITHER = re.compile(r"\bneither\s[^,;]{1,40}\snor\s[^,;]{1,60}$")
NOBODY = re.compile(
    r"\b(?:no\sone|nobody|no\s(?:other\s)?(?:peer|rival|competitor|company|bank|carrier|miner|retailer|\w+er|\w+)|neither\speer|none"
    r"\sof\s(?:the\s|its\s)?(?:peers|others|three|group))(?:\sin\sthe\s\w+(?:\s\w+)?)?\s(?:is|are|has|have|can|comes|earns|holds|owes"
    r"|carries|trades|pays|does|offers|runs)\s(?:[\w]+\s){0,3}?$"
)


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such statement that is denied; an equality that is affirmed is not evaluated."""
    for match in AS_IS.finditer(scene.text):
        how = match["how"]
        names, up = OF_COMPANIES[_PLAIN.get(how, f"more {how}")]
        right = scene.after(match.end())
        yield from _ruled(scene, match, names, up, right)
    for match in AS_HIGH_AS.finditer(scene.text):
        yield from _as_high_as(scene, match)
    for match in AS_HIGH.finditer(scene.text):
        named = scene.after(match.end())
        if named is None or not named.names:
            continue
        link = re.match(r"s?\s(?:\w+\s){0,2}?as\s", scene.text[named.end :][:30])
        right = scene.after(named.end + link.end()) if link else None
        yield from _ruled(scene, match, named.names, match["up"] is not None, right)


def _as_high_as(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `neither ALFA nor BETA attains a net margin as high as GAMMA's`."""
    named = next((t for t in scene.before(match.start()) if t.names), None)
    right = scene.after(match.end())
    if named is None or right is None or right.owner is None or scene.text[named.end : match.start()].strip():
        return
    neither = NEITHER.search(scene.text[: named.start])
    owners = [c.owner or SELF for c in scene.companies if neither and neither.start() < c.start < named.start]
    for owner in owners if not unreal(scene, match.start()) else ():
        left = Term(match.start(), match.start(), named.names, owner)
        other = Term(right.start, right.end, named.names, right.owner)
        test = judged.covers if match["up"] else lambda pair: pair.difference <= 0
        outcome, ids = judged.decide(scene.figures, left, other, test)
        if outcome is not None:
            yield Ruling(match.start(), right.end, not outcome, ids)


def _ruled(scene: Scene, match: re.Match[str], names: frozenset[str], up: bool, right: Term | None) -> Iterator[Ruling]:
    if right is None or right.owner is None or unreal(scene, match.start()) or (right.names and right.names != names):
        return
    nobody = NOBODY.search(scene.text[: match.start()][-80:]) is not None
    if not nobody and not denied(scene, match.start()):
        return
    test = judged.covers if up else lambda pair: pair.difference <= 0
    right = Term(right.start, right.end, names, right.owner)
    if nobody:
        owner = right.owner or SELF
        others = [peer for peer in (SELF, *scene.figures.peers) if peer != owner]
        outcomes = [judged.decide(scene.figures, Term(0, 0, names, peer), right, test) for peer in others]
        known = [outcome for outcome, _ in outcomes if outcome is not None]
        if known and (len(known) == len(others) or any(known)):
            yield Ruling(match.start(), right.end, not any(known), outcomes[0][1])
        return
    subject = scene.subject(match.start())
    if subject in {right.owner, NONE}:
        return
    outcome, ids = judged.decide(scene.figures, Term(match.start(), match.start(), names, subject), right, test)
    if outcome is not None:
        yield Ruling(match.start(), right.end, not outcome, ids)
