"""Converts a figure to the unit that a number is written in."""

from __future__ import annotations

from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.numerals import Kind, Numeral


def size_in(item: Figure, numeral: Numeral) -> float | None:
    """Return the figure in the unit of the number; None for a different dimension."""
    kind, dimension = numeral.kind, item.dimension
    if dimension == "ratio":
        return item.value * 100 if kind is Kind.PERCENT else None
    if dimension == "multiple":
        return item.value if kind in {Kind.MULTIPLE, Kind.PLAIN} else None
    if dimension.startswith("count"):
        return item.value if kind is Kind.PLAIN else None
    currency = dimension.rpartition(" ")[2]
    alike = numeral.currency in {None, currency} or (numeral.currency == "$" and currency == "USD")
    return item.value if kind in {Kind.MONEY, Kind.PLAIN} and alike else None


def is_told(numeral: Numeral, item: Figure) -> bool:
    """Whether a number equals this figure, at its precision, in its unit and with its sign."""
    size = size_in(item, numeral)
    if size is None or (numeral.currency is None) == item.dimension.startswith(("money", "per share")):
        return False
    if numeral.signed and (numeral.value < 0) != (size < 0):
        return False
    return abs(abs(size) - abs(numeral.value)) <= numeral.tolerance * (1 + 1e-9) + 1e-12 * abs(size)
