"""Comparisons between two figures of a company by their verbs: `spends less on research than it earns`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ert_backend.grounding.claims.decide import OF_GROUP, Pair, Ruling, Test, above, below, decide, opposite
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import ALL, GROUP, Term

MORE = re.compile(
    r"\b(?P<verb>(?:earn|mak|made|net|distribut|pa[yi]|return|hand|ow[ei]|borrow|h[oe]ld|keep|kept|sell|sold|turn|invest|generat|produc"
    r"|spen|us|has|had|have|carr|bring|brought|report|post|record|book)[a-z]*)(?P<out>\s(?:out|in))?\s[^,;]{0,40}?\b(?:(?P<more>more)|(?P<less>less))\b(?P<what>[^,;]{0,50}?)"
    r"\sthan\s(?:it|they|what it|the \w+)\s(?:has |have |had )?(?P<second>[a-z]+)(?:\s(?:in|up|out))?(?=[\s.,;]|$)"
)
BY_VERB = (
    (r"(?:earn|mak|made|net)", frozenset({"Net income"})),
    (r"(?:distribut|pay|paid|return|hand)", frozenset({"Dividends"})),
    (r"(?:ow[ei]|borrow)", frozenset({"Total debt"})),
    (r"(?:hold|held|keep)", frozenset({"Cash"})),
    (r"(?:sell|sold|turn)", frozenset({"Revenue"})),
    (r"(?:invest)", frozenset({"Capital expenditure"})),
    (r"(?:generat|produc)", frozenset({"Free cash flow"})),
)


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such comparison of two figures of one company."""
    for match in MORE.finditer(scene.text):
        if unreal(scene, match.start()):
            continue
        left = next((t for t in scene.terms if match.start("what") <= t.start < match.end("what")), None)
        left = left or next((t for t in scene.terms if match.start() <= t.start and t.end <= match.start("what")), None)
        joined = re.match(r"\s(?:in|as|on|from|of|with)\s(?:its\s)?", scene.text[match.end() :])
        right = scene.after(match.end() + joined.end()) if joined else None
        right = right if right is not None and right.names else _by_verb(scene, match, "second")
        left = left or _by_verb(scene, match, "verb")
        if left is None or right is None or left.names == right.names:
            continue
        amount = next(
            (a for a in scene.amounts if a.sort is Sort.MONEY and match.start() <= a.start < match.end()), None
        )
        test: Test = above if match["more"] else below
        test = opposite(test) if denied(scene, match.start()) else test
        if left.owner in OF_GROUP and right.owner in OF_GROUP:
            yield from _each(scene, match, left, right, test)
            continue
        outcome, ids = decide(scene.figures, left, right, test)
        if outcome is not None:
            if outcome and amount is not None and amount.numeral is not None:
                outcome, ids = decide(scene.figures, left, right, _by(amount))
            yield Ruling(match.start(), match.end(), bool(outcome), ids)


def _each(scene: Scene, match: re.Match[str], left: Term, right: Term, test: Test) -> Iterator[Ruling]:
    """Check `all three owe more than they hold in cash`: each company with itself."""
    members = scene.figures.peers if left.owner != ALL else (SELF, *scene.figures.peers)
    found = [decide(scene.figures, replace(left, owner=one), replace(right, owner=one), test) for one in members]
    if left.owner in {ALL, GROUP} and found and all(outcome is not None for outcome, _ in found):
        yield Ruling(match.start(), match.end(), all(outcome for outcome, _ in found), found[0][1])


def _by(amount: Amount) -> Test:
    def test(pair: Pair) -> bool:
        return amount.holds(abs(pair.difference))

    return test


def _by_verb(scene: Scene, match: re.Match[str], group: str) -> Term | None:
    names = next((names for verbs, names in BY_VERB if re.match(verbs, match[group])), None)
    place = match.start(group)
    return Term(place, place, names, scene.subject(place), scene.time(place, place)) if names else None
