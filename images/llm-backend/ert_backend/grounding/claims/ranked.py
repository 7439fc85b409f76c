"""The subject of a superlative: `the highest margin`, `the cheapest`, `the largest of the three`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.predicates import EARNS_MOST, EARNS_WHAT, TO_EQUITY
from ert_backend.grounding.claims.words.ranks import BEHIND, BY_MULTIPLE, MULTIPLES, OF_COMPANIES, OWN, VALUED

SIZED = frozenset({"Revenue", "Market capitalisation"})
NOUN = re.compile(r"\s(?:company|bank|airline|carrier|business|retailer|miner|group|firm|name|player|member)\b")
BY_WHAT = re.compile(r"\s(?:by|for|in|on|measured)\b")
Ranked = tuple[Sequence[Term], bool]


def ranked(scene: Scene, match: re.Match[str]) -> Ranked:
    """Return the terms of the ranking, and whether the largest value is first."""
    own = match["own"] or match["adjective"]
    if own:
        return _own(scene, match, own)
    return _named(scene, match), not match["low"]


def _own(scene: Scene, match: re.Match[str], own: str) -> Ranked:
    """Return the multiple that `the cheapest` refers to: one that the sentence names, else the default."""
    names, up = OWN[own]
    said = next((t for t in scene.terms if t.names & names), None)
    if said is None and names == VALUED:
        named = (t for t in scene.terms if t.names & MULTIPLES and BY_MULTIPLE.search(scene.text[: t.start]))
        said = next(named, None)
    return [said or Term(match.start(), match.start(), names)], up if match["degree"] != "least" else not up


def _named(scene: Scene, match: re.Match[str]) -> Sequence[Term]:
    verb = EARNS_MOST.search(scene.text[max(0, match.start() - 30) : match.start()])
    if match[0] in {"most", "least"} and verb:
        names = next(names for verbs, names in EARNS_WHAT if re.match(verbs, verb[1]))
        return [Term(match.start(), match.start(), names)]
    right = scene.after(match.end())
    if right is not None and right.names and re.fullmatch(r"\s(?:\w+\s){0,2}", scene.text[match.end() : right.start]):
        relative = right.names & {"Total debt"} and TO_EQUITY.match(scene.text, right.end)
        return [replace(right, names=frozenset({"Debt to equity"})) if relative else right]
    behind = BEHIND.match(scene.text, match.end())
    about = scene.after(behind.end()) if behind else None
    if about is not None and about.names:
        return [about]
    noun = NOUN.match(scene.text, match.end())
    group = OF_COMPANIES.match(scene.text, (noun.end() if noun else match.end()) + 1)
    sized = match[0] in {"largest", "biggest", "smallest"} and group is not None
    if sized and group and not BY_WHAT.match(scene.text, group.end()):
        return [Term(match.start(), match.start(), SIZED)]
    return _around(scene, match)


def _around(scene: Scene, match: re.Match[str]) -> Sequence[Term]:
    """Return the figures listed before, else the first one after a preposition."""
    before = scene.before(match.start())
    listed = list(before[:1])
    for term in before[1:]:
        if not listed or not re.fullmatch(
            r"s?(?:,|,? and|,? or) (?:its |the )?", scene.text[term.end : listed[-1].start]
        ):
            break
        listed.append(term)
    if listed:
        return listed
    later = next(
        (
            t
            for t in scene.terms
            if t.start > match.end()
            and scene.text[: t.start].rstrip().endswith((" for", " by", " on", " in", " with", " terms of"))
        ),
        None,
    )
    return [later] if later else []
