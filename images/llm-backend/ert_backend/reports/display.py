"""Number formatting: converts a figure to its text in a report. No I/O; `grounding` must parse it to the same value."""

from __future__ import annotations

from dataclasses import replace

from ert_backend.grounding.facts import Fact, Unit

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
SMALLEST = 0.01


def show(fact: Fact) -> str:
    """Return the value with its sign and unit: `$383.29B`, `INR 1,500.00`, `25.3%`, `28.4x`, `164,000`, `n.m.`.

    An amount without a known currency has no currency sign.
    """
    number = fact.number
    if number is None:
        return str(fact.value)
    sign, size = ("-" if number < 0 else ""), abs(number)
    match fact.unit:
        case Unit.MONEY:
            return sign + _money(size, fact.currency)
        case Unit.RATIO:
            return _percent(sign, size * 100)
        case Unit.PERCENT:
            return _percent(sign, size)
        case Unit.MULTIPLE:
            return f"{sign}{size:,.1f}x" if size >= 10 else f"{sign}{size:,.2f}x"
        case Unit.RATE:
            return f"{size:,.4f}" if size >= 1 else _small(size)
        case _:
            return sign + _plain(size)


def show_size(fact: Fact) -> str:
    """Return the value without its minus, for a sentence with "loss" or "fell"."""
    return show(replace(fact, value=abs(fact.number))) if fact.number is not None else show(fact)


def _percent(sign: str, size: float) -> str:
    return f"{sign if round(size, 1) else ''}{size:,.1f}%"


def _money(size: float, currency: str | None) -> str:
    text = next((f"{size / scale:,.2f}{letter}" for scale, letter in SCALES if size >= scale), None)
    text = text or (f"{size:,.2f}" if size >= SMALLEST or not size else _small(size))
    if currency is None:
        return text
    return f"{SIGNS[currency]}{text}" if currency in SIGNS else f"{currency} {text}"


def _small(size: float) -> str:
    """Return three significant digits, without an exponent."""
    places = next(count for count in range(3, 16) if size >= 10.0 ** (1 - count) or count == 15)
    return f"{size:.{places + 1}f}"


def _plain(size: float) -> str:
    scaled = next((f"{size / scale:,.2f}{letter}" for scale, letter in SCALES if size >= scale), None)
    if scaled:
        return scaled
    if size == int(size):
        return f"{size:,.0f}"
    return f"{size:,.2f}" if size >= SMALLEST else _small(size)
