"""Compares two figures over every reading of their names: true, false or unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ert_backend.grounding.claims.known.figures import Figure, Figures
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.sentence.term import ALL, ANY, GROUP, MEAN, MOST, NONE, Term
from ert_backend.grounding.numerals import Kind, Numeral

OF_GROUP = frozenset({ALL, ANY, GROUP, MEAN, MOST, NONE})
MATCH, APART = 0.04, 0.12


@dataclass(frozen=True, slots=True)
class Pair:
    """Left and right with their difference, and their quotient where it is defined."""

    difference: float
    quotient: float | None
    dimension: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A comparison with its outcome: its position, the ids used, and each `Numeral` that it explains."""

    start: int
    end: int
    true: bool
    ids: tuple[str, ...]
    numerals: tuple[Numeral, ...] = ()


Test = Callable[[Pair], bool | None]
Outcome = tuple[bool | None, tuple[str, ...]]
UNKNOWN: Outcome = (None, ())


def as_growth(term: Term) -> Term:
    """Return the term that refers to the growth of the named figure."""
    return replace(term, names=frozenset(GROWTH.get(name, name) for name in term.names), numeral=None)


def above(pair: Pair) -> bool | None:
    """Whether left is greater than right."""
    return pair.difference > 0


def below(pair: Pair) -> bool | None:
    """Whether left is less than right."""
    return pair.difference < 0


def covers(pair: Pair) -> bool | None:
    """Whether left is at least right."""
    return pair.difference >= 0


def same(pair: Pair) -> bool | None:
    """Whether both are about equal; None for a difference that is neither small nor large."""
    return near(pair, MATCH, APART)


def near(pair: Pair, within: float, beyond: float) -> bool | None:
    """True up to the difference `within`, False from `beyond` on, None in between."""
    if pair.quotient is None:
        return None if pair.difference else True
    off = abs(pair.quotient - 1)
    return True if off <= within else (False if off >= beyond else None)


def opposite(test: Test) -> Test:
    """Return the negated test."""

    def denied(pair: Pair) -> bool | None:
        outcome = test(pair)
        return None if outcome is None else not outcome

    return denied


def fits(numeral: Numeral, figure: Figure) -> bool:
    """Whether a number may be this figure, by absolute value only."""
    for value in (figure.value, figure.value * 100) if numeral.kind is not Kind.MONEY else (figure.value,):
        if abs(abs(numeral.value) - abs(value)) <= numeral.tolerance * (1 + 1e-9) + 1e-9 * abs(value):
            return True
    return False


def values(figures: Figures, term: Term, name: str, owner: str) -> Sequence[Figure]:
    """Return the figures a term may refer to under one name; the number written next to it selects among them."""
    found = figures.find(name, owner, term.period)
    if term.when is not None and not found and term.when.vague:
        found = figures.find(name, owner)
    if term.numeral is not None and len(found) != 1:
        found = [item for item in found if fits(term.numeral, item)] or found
    return [replace(item, value=-item.value) for item in found] if term.loss else found


def decide(figures: Figures, left: Term, right: Term, test: Test) -> Outcome:
    """Compare two terms; for a group, by the quantifier before it."""
    if right.when is not None and not right.names and left.when is right.when:
        left = replace(left, when=None)
    if left.owner in OF_GROUP:
        return _grouped(figures, left, right, test, turned=True)
    if right.owner in OF_GROUP:
        return _grouped(figures, left, right, test, turned=False)
    return _any(test, pairs(figures, left, right))


def pairs(figures: Figures, left: Term, right: Term) -> Iterator[Pair]:
    """Yield every reading of two sides as figures of one dimension."""
    mine, theirs = left.names or right.names, right.names or left.names
    alike = mine & theirs
    couples = [(name, name) for name in sorted(alike)] or [(one, two) for one in sorted(mine) for two in sorted(theirs)]
    for one, two in couples:
        yield from _of_names(figures, left, right, one, two)


def _of_names(figures: Figures, left: Term, right: Term, one: str, two: str) -> Iterator[Pair]:
    mine, theirs = left.owner or SELF, right.owner or SELF
    direct = False
    for a in values(figures, left, one, mine):
        for b in values(figures, right, two, theirs):
            if a is not b and a.dimension == b.dimension:
                direct = True
                yield Pair(a.value - b.value, figures.quotient(a, b), a.dimension, (a.id, b.id))
    if not direct and mine == theirs and one != two:
        quotient = figures.supplied_quotient(one, two, mine, left.period or right.period)
        if quotient is not None:
            yield Pair(quotient - 1, quotient if quotient > 0 else None, "quotient", ())


def _any(test: Test, found: Iterator[Pair]) -> Outcome:
    """Return True when any reading is true, False when every reading is false, else None."""
    ids: tuple[str, ...] = ()
    outcomes = []
    for pair in found:
        outcome = test(pair)
        outcomes.append(outcome)
        ids = ids or pair.ids
        if outcome:
            return True, pair.ids
    return (False if outcomes and all(outcome is False for outcome in outcomes) else None), ids


def _grouped(figures: Figures, left: Term, right: Term, test: Test, *, turned: bool) -> Outcome:
    term = left if turned else right
    mode = term.owner or GROUP

    def against(owner: str, given: Figures = figures) -> Outcome:
        other = replace(term, owner=owner)
        return decide(given, other, right, test) if turned else decide(given, left, other, test)

    other_owner = right.owner if turned else left.owner
    members = (SELF, *figures.peers) if mode == NONE and turned else figures.peers
    single = [against(member) for member in members if member != other_owner or not turned]
    known = [outcome for outcome, _ in single if outcome is not None]
    ids = next((found for _, found in single if found), ())
    if not known:
        return UNKNOWN
    if mode == ALL:
        return (all(known) if len(known) == len(single) or not all(known) else None), ids
    if mode == ANY:
        # `below any of its peers` means all of them.
        return all(known), ids
    if mode == NONE:
        return not any(known), ids
    if mode == MOST:
        return sum(known) * 2 > len(known), ids
    average = against(AVERAGE, _with_mean(figures, left.names | right.names))[0] if mode != ALL else None
    if mode == MEAN:
        return average, ids
    if all(known):
        return True, ids
    return (None if any(known) or average else False), ids


def _with_mean(figures: Figures, names: frozenset[str]) -> Figures:
    """Add the mean of the peers as an entry like a single company."""
    known = dict(figures.known)
    for name in names:
        found = [item for peer in figures.peers for item in figures.find(name, peer)]
        if found and len({item.dimension for item in found}) == 1:
            mean = sum(item.value for item in found) / len(found)
            known[AVERAGE, name] = [replace(found[0], value=mean, owner=AVERAGE, period=None)]
    return replace(figures, known=known)


AVERAGE = "*average"
