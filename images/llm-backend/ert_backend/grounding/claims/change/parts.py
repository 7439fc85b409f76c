"""The subject and the size of a change, found around a match such as `fell` or `rise`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import LISTED, lefts
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.changes import (
    AUXILIARY,
    DETERMINED,
    FACTORS,
    GAIN_BEFORE,
    NEAR,
    NOUN,
    SUFFERED,
    TRANSITIVE,
)

ADDED_TO = re.compile(r"\sto\s(?:its|the|their)\s")
TO = re.compile(r"(?<!close)(?<!up)(?<!equivalent)(?<!amounting) (?:to|at) (?!least|most)")
LOST = re.compile(r"lost|loses|losing|shed|sheds|shedding|cut|slashed|gained|added|eroded")


def about(scene: Scene, match: re.Match[str]) -> Sequence[Term]:
    """Return the figures that change: the object of a transitive verb, else the ones before it."""
    word, text = match[0], scene.text
    if NOUN.fullmatch(word) and _as_noun(scene, match):
        noun = _of_noun(scene, match)
        suffered = SUFFERED.search(text[max(0, match.start() - 40) : match.start()]) is not None
        if noun or not suffered or word in {"growth", "expansion"}:
            return noun if word != "growth" or (noun and noun[0].start > match.start()) else ()
    part = (
        next((a for a in scene.amounts if match.end() < a.start < match.end() + 25), None)
        if LOST.fullmatch(word)
        else None
    )
    if part is not None and (of := re.match(r"\sof\s(?:its|the|their)\s", text[part.end :][:10])):
        lost = scene.after(part.end + of.end())
        if lost is not None and lost.names and NEAR.fullmatch(text[match.end() : part.start]):
            return [lost]
    right = scene.after(match.end())
    near = right is not None and not re.search(r"\b(?:to|from|at|in|for|on|as)\b", text[match.end() : right.start])
    near = near or (word in {"added", "adds"} and ADDED_TO.match(text, match.end()) is not None)
    direct = near and right is not None and "," not in text[match.end() : right.start]
    if right is not None and right.names and direct and TRANSITIVE.fullmatch(word):
        return _listed(scene, right)
    beside = scene.before(match.start())[:1] if word in {"up", "down"} or word.endswith("ing") else ()
    if beside and re.fullmatch(r"s?(?: also| both| even)? ", text[beside[0].end : match.start()]):
        return beside  # `with cash up from`
    found = [term for term in lefts(scene, match.start(), None) if term.names]
    if found and _other_subject(scene, found[0], match.start()):
        return ()
    if found:
        loose = NOUN.fullmatch(word) and not AUXILIARY.fullmatch(text[found[0].end : match.start()])
        return () if loose else found
    return _implied(scene, match)


def _other_subject(scene: Scene, term: Term, place: int) -> bool:
    """Whether a company right before the verb is its subject: `while its rival ALFA slid to a loss`."""
    near = next((c for c in reversed(scene.companies) if c.end <= place), None)
    if near is None or not near.named or near.start <= term.start or near.owner == term.owner:
        return False
    return re.fullmatch(r" (?:\w+ )?", scene.text[near.end : place]) is not None


def _of_noun(scene: Scene, match: re.Match[str]) -> Sequence[Term]:
    """Return the figures of `a fall of 5% in revenue`, `the revenue fall`."""
    behind = re.match(r"\s(?:of [^,;]{1,30}? )?(?:in|of|for|to) ", scene.text[match.end() : match.end() + 50])
    right = scene.after(match.end() + behind.end()) if behind else None
    if right is not None and right.names:
        return _listed(scene, right)
    before = scene.before(match.start())[:1]
    beside = before and re.fullmatch(r"s?\s(?:\w+\s)?", scene.text[before[0].end : match.start()])
    return before if beside else ()


def _implied(scene: Scene, match: re.Match[str]) -> Sequence[Term]:
    """Return the figure after `After growing 10%,` or the one that a company grows by, where none precedes the verb."""
    if re.match(r"(?:after|having|despite|following|by)\s(?:\w+\s){0,2}$", scene.text[: match.start()][-30:]):
        return [term for term in scene.terms if term.start > match.end()][:1]
    if re.match(r"gr[eo]w|growing|grown|expand|shr[aiu]nk|contract", match[0]):
        owner = scene.subject(match.start())
        return [Term(match.start(), match.start(), frozenset({"Revenue"}), owner, named=owner != SELF)]
    return ()


def _as_noun(scene: Scene, match: re.Match[str]) -> bool:
    """Whether the match is a noun (`a fall in`, `the dividend cut`) and not a verb (`fell`, `has been cut`)."""
    if re.match(
        r"\s(?:in|of)\s(?!(?:each|every|both|any|fy|20|the (?:last|past|latest|first|second|third|fourth|final))\b)",
        scene.text[match.end() : match.end() + 16],
    ):
        return True
    return DETERMINED.search(scene.text[max(0, match.start() - 30) : match.start()]) is not None


def _listed(scene: Scene, first: Term) -> list[Term]:
    """Return a figure and those listed after it."""
    found, joined = [first], 0
    for term in scene.terms:
        gap = scene.text[found[-1].end : term.start]
        if term.start > found[-1].end and LISTED.fullmatch(gap):
            found.append(term)
            joined = len(found) if re.search(r"\b(?:and|or)\b", gap) else joined
    return found[: max(1, joined)]


def amount_of(scene: Scene, match: re.Match[str], said: Sequence[Amount], begin: int) -> Amount | None:
    """Return the amount of a change, or None."""
    text, factor = scene.text, FACTORS.get(str(match.lastgroup))
    if factor is not None:
        return _verb_factor(text, match, factor)
    for amount in said:
        if amount.end <= match.start():
            gap = text[amount.end : match.start()]
            before = NOUN.fullmatch(match[0]) or re.match(
                r"higher|lower|larger|smaller|wider|narrower|up$|down$|more$|less$", match[0]
            )
            if amount.start >= begin and len(gap) < 40 and before and GAIN_BEFORE.fullmatch(gap):
                return amount
            continue
        if re.match(
            r"\s(?:as (?:fast|quick|rapid)|the (?:rate|pace)|of (?:that|it"
            r"|the)\b)",
            text[amount.end : amount.end + 10],
        ):
            return None
        gap = text[match.end() : amount.start]
        if len(gap) > 60 or scene.clause(amount.start)[0] > match.start():
            return None
        if NEAR.fullmatch(gap) and not TO.search(gap):
            return amount
        figure = next((t for t in scene.terms if match.end() <= t.start and t.end <= amount.start), None)
        if figure and re.fullmatch(r"\s(?:its |the )?", text[match.end() : figure.start]):
            rest = text[figure.end : amount.start]
            return amount if re.match(r"s?\sby\s", rest) and NEAR.fullmatch(rest.removeprefix("s")) else None
        if NOUN.fullmatch(match[0]) and re.fullmatch(r"\s(?:of|was|is|came to|reached|stood at|at)\s", gap):
            return amount
        return None
    return None


def _verb_factor(text: str, match: re.Match[str], factor: float) -> Amount:
    before = text[max(0, match.start() - 30) : match.start()]
    low, high = factor * 0.93, factor * 1.07
    if re.search(r"more than\s$|over\s$", before):
        low, high = (factor, float("inf")) if factor > 1 else (0.0, factor)
    elif re.search(r"(?:nearly|almost|close to|not quite|just about|roughly|about|virtually|practically)\s$", before):
        low, high = factor * 0.85, factor * 1.12
    elif factor >= 3:
        low, high = factor * 0.9, factor * 1.1
    return Amount(match.start(), match.end(), Sort.FACTOR, factor, low, high)
