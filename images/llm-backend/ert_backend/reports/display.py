"""How a figure is written in a report. Pure; `grounding` reads these strings back and must find the same value."""

from __future__ import annotations

from ert_backend.grounding.facts import Fact, Unit

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def show(fact: Fact) -> str:
    """The value with its sign and unit: `$383.29B`, `25.3%`, `28.4x`, `164,000`."""
    number = fact.number
    if number is None:
        return str(fact.value)
    sign, size = ("-" if number < 0 else ""), abs(number)
    match fact.unit:
        case Unit.MONEY:
            return sign + _money(size, fact.currency)
        case Unit.RATIO:
            return f"{sign}{size * 100:,.1f}%"
        case Unit.PERCENT:
            return f"{sign}{size:,.1f}%"
        case Unit.MULTIPLE:
            return f"{sign}{size:,.1f}x" if size >= 10 else f"{sign}{size:,.2f}x"
        case _:
            return sign + _plain(size)


def _money(size: float, currency: str) -> str:
    text = next((f"{size / scale:,.2f}{letter}" for scale, letter in SCALES if size >= scale), f"{size:,.2f}")
    return f"{SIGNS[currency]}{text}" if currency in SIGNS else f"{currency} {text}"


def _plain(size: float) -> str:
    scaled = next((f"{size / scale:,.2f}{letter}" for scale, letter in SCALES if size >= scale), None)
    if scaled:
        return scaled
    return f"{size:,.0f}" if size == int(size) else f"{size:,.2f}"
