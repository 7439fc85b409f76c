"""Checks the direction and the size of a change against the figures."""

from __future__ import annotations

from dataclasses import dataclass

from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.words.changes import COSTLY, FACTORS
from ert_backend.grounding.numerals import Kind


@dataclass(frozen=True, slots=True)
class Said:
    """A change as described in the sentence: the figure, the direction, the size; `inverse`: of a loss."""

    name: str
    kind: str
    amount: Amount | None = None
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """The actual change: the difference, the later value over the earlier, and the relative change where defined."""

    difference: float
    quotient: float | None
    relative: float | None


def holds(said: Said, old: Figure, new: Figure) -> bool | None:
    """Whether the change from an earlier to a later figure matches; None when unknown."""
    if old.dimension != new.dimension:
        return None
    before, after = (-old.value, -new.value) if said.inverse else (old.value, new.value)
    quotient = after / before if before > 0 else None
    return is_so(said, Change(after - before, quotient, quotient - 1 if quotient is not None else None))


def is_so(said: Said, change: Change) -> bool | None:
    """Whether the actual change matches the one in the sentence."""
    up = upward(said)
    if said.kind == "flat":
        if change.relative is None:
            return None
        off = abs(change.difference) * 5 if _is_ratio(said.name) else abs(change.relative)
        return True if off <= 0.015 else (False if off >= 0.035 else None)
    if up is not None and (change.difference <= 0 if up else change.difference >= 0):
        return False
    return True if said.amount is None else _right_amount(said, change, said.amount)


def upward(said: Said) -> bool | None:
    """Whether it is an increase; None if neither."""
    if said.kind in {"better", "worse"}:
        return (said.kind == "better") != (said.name in COSTLY or said.inverse)
    if said.kind in FACTORS:
        return FACTORS[said.kind] > 1
    return {"up": True, "down": False}.get(said.kind)


def _right_amount(said: Said, change: Change, amount: Amount) -> bool | None:
    size = abs(change.difference)
    multiple = amount.numeral is not None and said.name.endswith((" ratio", " cover", "to equity"))
    if amount.sort is Sort.FACTOR and multiple and amount.holds(size):
        return True
    if amount.sort is Sort.FACTOR:
        return _right_factor(said.kind, change.quotient, amount)
    if amount.sort is Sort.POINTS:
        return amount.holds(size)
    if amount.sort is Sort.MONEY:
        return amount.holds(size) if amount.numeral is not None and amount.numeral.kind is Kind.MONEY else None
    ratio = _is_ratio(said.name)
    if change.relative is None and not ratio:
        return None
    return (change.relative is not None and amount.holds(abs(change.relative))) or (ratio and amount.holds(size))


def _right_factor(kind: str, quotient: float | None, amount: Amount) -> bool | None:
    if quotient is None or quotient <= 0:
        return None
    size = 1 / quotient if kind == "down" and quotient < 1 else quotient
    return amount.holds(size) or (amount.value >= 3 and kind == "up" and amount.holds(size - 1))


def _is_ratio(name: str) -> bool:
    return name.endswith(("margin", "yield", "growth")) or name.startswith("Return on")
