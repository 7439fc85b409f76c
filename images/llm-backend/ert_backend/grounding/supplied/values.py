"""Parser for one input value: a number, a figure given as text, or None.

A text in place of a figure is parsed completely (`356B`, `1,560,000,000`, `12.5%`, `(3.2m)`) or is no value; it is
never passed on verbatim.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ert_backend.grounding.supplied.currency import ALIASES, CODES, MINOR, SHARED, SYMBOLS, Currency, read_currency

MAX_TEXT = 4000
MAX_FIGURE = 48
ABSURD, TINY = 1e17, 1e-9
NO_VALUE = frozenset({"n/a", "na", "nan", "none", "null", "-", "--", "n.a.", "inf", "infinity", "-inf", "-infinity"})
SCALES = {"": 1.0, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "mm": 1e6, "m": 1e6}
SCALES |= {"billion": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12, "tn": 1e12, "t": 1e12}
_CURRENCY = "|".join(
    re.escape(name) for name in sorted({*SYMBOLS, *CODES, *MINOR, *ALIASES, *SHARED}, key=len, reverse=True)
)
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[ '\u2019\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}"
FIGURE = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-\u2212])?\s*(?P<before>{_CURRENCY})?\s*(?P<inner>[\-\u2212])?"
    rf"(?P<digits>{_DIGITS}|\d+(?:\.\d*)?(?:[eE][+-]?\d{{1,3}})?|\.\d+)"
    r"\s*(?P<scale>(?i:thousand|million|billion|trillion|bn|mn|mm|tn|[kmbt])(?![A-Za-z]))?"
    rf"\s*(?P<unit>%|(?i:per ?cent|pct|times|x)(?![A-Za-z])|{_CURRENCY})?\s*(?P<close>\))?"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number parsed from a text, with its type (`%`, `x` or none) and its currency, if written.

    `symbol` is a currency sign that several currencies share; `plain`: digits only, like an identifier.
    """

    value: float
    sign: str = ""
    currency: Currency | None = None
    symbol: str = ""
    plain: bool = False

    @property
    def is_money(self) -> bool:
        """Whether a currency is written."""
        return bool(self.symbol or self.currency)

    def fits(self, side: Currency | None) -> bool:
        """Whether the written currency agrees with the one that applies, where both are known."""
        if self.symbol:
            return side is None or side.code in SHARED[self.symbol]
        return self.currency is None or side is None or self.currency.code == side.code


def number(raw: object) -> float | None:
    """Return a number within the valid range; None otherwise, also for a boolean."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, int) and abs(raw) >= ABSURD:
        return None
    value = float(raw)
    return value if math.isfinite(value) and (value == 0 or TINY <= abs(value) < ABSURD) else None


def text(raw: str) -> str | None:
    """Return a text as one line, None for those such as `n/a`."""
    found = " ".join(raw[: 4 * MAX_TEXT].split())[:MAX_TEXT]
    return found if found and found.lower() not in NO_VALUE else None


def figure(raw: str) -> Figure | None:
    """Parse the whole text as one figure; None if any part does not match."""
    shown = raw.strip()
    match = FIGURE.fullmatch(shown) if len(shown) <= MAX_FIGURE else None
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    value = number(float(_english(match["digits"])) * SCALES[(match["scale"] or "").lower()])
    if value is None:
        return None
    unit, written = _kind(match["unit"] or ""), [match["before"], match["unit"]]
    money = [name for name in written if name and not _kind(name)]
    if len(money) > 1 or (money and unit):
        return None
    negative = any((match[name] or "+") in "-\u2212" for name in ("sign", "inner")) != bool(match["open"])
    symbol = money[0] if money else ""
    plain = not (unit or money or match["scale"]) and match["digits"].isdigit()
    code = None if symbol in SHARED else Currency(SYMBOLS[symbol]) if symbol in SYMBOLS else read_currency(symbol)
    return Figure(-value if negative else value, unit, code, symbol if symbol in SHARED else "", plain)


def _english(digits: str) -> str:
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", digits):
        return digits.replace(".", "")
    return re.sub(r"[,'\u2019\u00a0\u202f ]", "", digits)


def _kind(unit: str) -> str:
    lowered = unit.lower()
    return "%" if lowered[:1] == "%" or lowered.startswith(("per", "pct")) else "x" if lowered in {"x", "times"} else ""
