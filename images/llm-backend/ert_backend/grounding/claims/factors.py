"""One figure as a multiple or part of another: `twice its debt`, `covers interest 27 times`, `6% below its high`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ert_backend.grounding.claims.decide import Pair, Ruling, Test, as_growth, decide, opposite
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import denied, lefts, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.factors import (
    BY,
    BY_FACTOR,
    DISCOUNT,
    EARNS,
    FAST,
    LEVEL,
    LINK,
    MORE_OF,
    OFF,
    OTHERWISE,
    PAYS_OUT,
    VALUED_AT,
    WHAT_IT_WAS,
)
from ert_backend.grounding.claims.words.predicates import BY_NAME, COMPARED, EARNS_TIMES, EARNS_WHAT, PASSIVE, VERBS
from ert_backend.grounding.claims.words.ranks import MULTIPLES
from ert_backend.grounding.numerals import Kind


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Yield a `Ruling` for each amount that relates two named figures and can be evaluated."""
    for amount in scene.amounts:
        if amount.sort is not Sort.MONEY and not unreal(scene, amount.start):
            yield from _of(scene, amount)
        yield from _off(scene, amount)
    for pattern in (VERBS, COMPARED):
        for match in pattern.finditer(scene.text):
            yield from _after_verb(scene, match)
    for match in PASSIVE.finditer(scene.text):
        yield from _passive(scene, match)


def _ruled(scene: Scene, amount: Amount, left: Sequence[Term], right: Term, test: Test) -> Iterator[Ruling]:
    deny = denied(scene, amount.start)
    for term in left:
        outcome, ids = decide(scene.figures, term, right, opposite(test) if deny else test)
        if outcome is False and not right.names and right.when is not None and right.when.relative:
            beside = re.fullmatch(r"\s?(?:times|x)?\s?", scene.text[amount.end : right.when.start])
            outcome = None if beside else outcome
        if outcome is not None:
            numerals = (amount.numeral,) if amount.numeral else ()
            yield Ruling(amount.start, max(amount.end, right.end), outcome, ids, numerals)


def _of(scene: Scene, amount: Amount) -> Iterator[Ruling]:
    """Check `twice debt`, `a third of revenue`, `four times as much cash as debt`, `twice the size of ALFA`."""
    text = scene.text
    link = LINK.match(text, amount.end)
    if re.match(r"\sof (?:that|it|this|those|them)(?!\w)(?! of)", text[amount.end : amount.end + 12]):
        return
    if (
        link is None
        or OTHERWISE.match(text, amount.end)
        or BY_FACTOR.search(text[max(0, amount.start - 20) : amount.end])
    ):
        return
    if amount.sort in {Sort.SHARE, Sort.POINTS} and not _of_something(text, amount):
        return
    right = scene.after(link.end())
    if earns := EARNS.match(text, amount.end):
        right = Term(earns.end(), earns.end(), frozenset({"Net income"}), scene.subject(amount.start))
    level = right is not None and LEVEL.match(scene.text, right.end) is not None
    level = level or (right is not None and WHAT_IT_WAS.search(scene.text[amount.end : right.start]) is not None)
    own = (
        amount.sort is Sort.SHARE and "that of" not in link[0] and not level
    )  # `the 4.5% of ALFA` is a figure of that company
    if right is None or _bare(scene, amount, right, link["what"]) or (own and not right.names and not link["what"]):
        return
    test = _share(amount)
    what = link["what"]
    if what:
        named = next((t for t in scene.terms if link.start() <= t.start and t.end <= link.end()), None)
        left = [replace(named, owner=scene.subject(amount.start))] if named else []
    elif FAST.search(link[0]):
        spoken = [t for t in lefts(scene, amount.start, right) if t.names]
        growing = Term(amount.start, amount.start, frozenset({"Revenue growth"}), scene.subject(amount.start))
        left = [as_growth(t) for t in spoken] or [growing]
        right = as_growth(right)
    else:
        left = [t for t in lefts(scene, amount.start, right) if t.names]
        left = [t for t in left if t.end <= amount.start and scene.clause(t.start)[0] == scene.clause(amount.start)[0]]
        if not left:
            left = _elsewhere(scene, amount, right)
    if left and not left[0].names and not right.names:
        return
    yield from _ruled(scene, amount, left, right, test)


def _of_something(text: str, amount: Amount) -> bool:
    behind = text[amount.end :][:60]
    half = text[: amount.end].endswith("half") and re.match(r"\s(?:the|its|their|what)\s(?!value\b)", behind)
    of = re.match(r"\s(?:of|as \w+(?: [\w ]+?)? as|that of|the (?:size|level) of)\s", behind)
    return bool(of or half)


def _bare(scene: Scene, amount: Amount, right: Term, what: str | None) -> bool:
    """Whether no figure to relate to follows: only a number, a date, or the multiple itself (`10x earnings`)."""
    if right.names and right.names <= MULTIPLES and right.numeral is amount.numeral:
        return True
    if right.names or (what and right.when is not None):
        return False
    percent = amount.numeral is not None and "%" in amount.numeral.text
    return right.numeral is not None or (right.when is not None and (percent or not _past(scene, amount)))


def _past(scene: Scene, amount: Amount) -> bool:
    return bool(lefts(scene, amount.start, None)[0].names)


def _elsewhere(scene: Scene, amount: Amount, right: Term) -> list[Term]:
    """Return a left side if none precedes: the next figure (`half of net income was paid as dividends`) or its own."""
    before = scene.text[max(0, amount.start - 40) : amount.start]
    if right.names & {"Book value per share", "Equity"} and VALUED_AT.search(before):
        return [Term(amount.start, amount.start, frozenset({"Share price"}), scene.subject(amount.start))]
    if right.names & {"Net income"} and PAYS_OUT.search(before):
        return [Term(amount.start, amount.start, frozenset({"Dividends"}), scene.subject(amount.start))]
    if right.names:
        behind = [t for t in scene.terms if t.start > right.end][:1]
        begin = scene.clause(amount.start)[0]
        turned = behind and re.fullmatch(r"\s(?:into|as|to)\s(?:\w+\s)?", scene.text[right.end : behind[0].start])
        leads = turned or not [c for c in scene.companies if begin <= c.start < amount.start]
        if behind and leads and scene.clause(behind[0].start)[0] == begin:
            return behind
        if right.named and right.owner != scene.subject(amount.start):
            return [Term(amount.start, amount.start, right.names, scene.subject(amount.start))]
        return []
    named = BY_NAME.match(scene.text, right.end)
    about = scene.after(named.end()) if named else None
    names = about.names if about is not None else frozenset()
    if not names and (verb := EARNS_TIMES.search(before)):
        names = next((found for verbs, found in EARNS_WHAT if re.match(verbs, verb[1])), frozenset())
    return [Term(amount.start, amount.start, names, scene.subject(amount.start))] if names else []


def _share(amount: Amount) -> Test:
    def test(pair: Pair) -> bool | None:
        if pair.quotient is None or pair.quotient < 0:
            return None
        fine = amount.holds(pair.quotient)
        return fine or (amount.sort is Sort.FACTOR and amount.numeral is None and amount.holds(round(pair.quotient, 1)))

    return test


def _apart(amount: Amount, up: bool | None) -> Test:
    """Return a test that left is above (or below) right by an amount."""

    def test(pair: Pair) -> bool | None:
        if up is not None and (pair.difference <= 0 if up else pair.difference >= 0):
            return False
        if amount.sort is Sort.POINTS:
            return amount.holds(abs(pair.difference)) if pair.dimension == "ratio" else None
        if amount.sort is Sort.MONEY:
            money = amount.numeral is not None and pair.dimension.startswith(("money", "per share", "count"))
            return amount.holds(abs(pair.difference)) if money else None
        if pair.quotient is None or pair.quotient <= 0:
            return None
        if amount.sort is Sort.FACTOR:
            size = pair.quotient if up in {None, True} else 1 / pair.quotient
            if pair.dimension == "multiple" and amount.numeral is not None and amount.holds(abs(pair.difference)):
                return True
            return amount.holds(size) or amount.holds(size - 1)
        points = pair.dimension == "ratio" and amount.holds(abs(pair.difference))
        return amount.holds(abs(pair.quotient - 1)) or points

    return test


def _off(scene: Scene, amount: Amount) -> Iterator[Ruling]:
    """Check `6% below its high`, `a premium of 20% to ALFA`, `$900 million more cash than debt`."""
    text = scene.text
    match = OFF.match(text, amount.end)
    word = DISCOUNT.search(text[max(0, amount.start - 60) : amount.start])
    if match is not None:
        right, up = scene.after(match.end()), bool(match["up"] or match["up_then"])
    elif word is not None and (to := re.match(r"\s(?:to|over)\s", text[amount.end :][:6])):
        right, up = scene.after(amount.end + to.end()), word["word"] == "premium"
    elif (more := MORE_OF.match(text, amount.end)) is not None:
        named = scene.after(more.end())
        than = re.match(r"\s(?:\w+\s){0,2}?than\s", text[named.end :][:30]) if named and named.names else None
        right = scene.after(named.end + than.end()) if named and than else None
        if named is None or right is None:
            return
        up = more["word"] in {"more", "higher", "larger", "greater"}
        yield from _ruled(scene, amount, [named], right, _apart(amount, up))
        return
    else:
        return
    if right is None or (right.numeral is not None and not right.names):
        return
    left = [t for t in lefts(scene, amount.start, right) if t.end <= amount.start]
    if not any(t.names for t in [*left, right]):
        return
    yield from _ruled(scene, amount, left, right, _apart(amount, up))


def _passive(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `interest is covered 27 times by operating income`."""
    amount = next((a for a in scene.amounts if a.start >= match.end()), None)
    if amount is None or not BY.fullmatch(" " + scene.text[match.end() : amount.start]):
        return
    behind = re.match(r"\s(?:over\s)?by\s", scene.text[amount.end : amount.end + 9])
    means = scene.after(amount.end + behind.end()) if behind else None
    if means is not None and means.names and amount.sort is Sort.FACTOR:
        for owed in lefts(scene, match.start(), means)[:1]:
            yield from _ruled(scene, amount, [means], owed, _share(amount))


def _after_verb(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `covers interest 27 times`, `exceeds debt by $900 million`, `tops ALFA's threefold`."""
    kind = str(match.lastgroup)
    if re.match(r"\s(?:that|those) of\s", scene.text[match.end() :][:10]) and "growth " in scene.text[: match.start()]:
        return
    right = scene.after(match.end())
    if right is None or not right.names or unreal(scene, match.start()):
        return
    end = (
        right.numeral.end
        if right.numeral and right.numeral.start > right.start and right.numeral.kind is not Kind.MULTIPLE
        else right.end
    )
    amount = next((a for a in scene.amounts if a.start >= end), None)
    if amount is None or not BY.fullmatch(scene.text[end : amount.start].removeprefix("s")):
        return
    if re.match(r"\s(?:of|as)\s", scene.text[amount.end :][:4]):
        return
    left = [t for t in lefts(scene, match.start(), right) if t.names]
    if kind in {"cover", "passive_cover"}:
        if amount.sort not in {Sort.FACTOR}:
            return
        one, two = (left, right) if kind == "cover" else ([right], left[0] if left else right)
        yield from _ruled(scene, amount, one, two, _share(amount))
        return
    up = {"up": True, "more": True, "less": False, "passive_up": False, "down": False, "short": False}.get(kind)
    if up is not None:
        yield from _ruled(scene, amount, left, right, _apart(amount, up))
