"""What a ticker may look like, and how one company's spellings meet.

Says nothing about whether such a company exists: that is the market data's business.
"""

from __future__ import annotations

import re

_SHAPE = re.compile(r"[A-Z0-9][A-Z0-9.\-^=]{0,11}")
# The SEC writes BRK-B where most others write BRK.B. Only one letter after the dot is a class; `.HK` is an exchange.
_SHARE_CLASS = re.compile(r"([A-Z]{1,6})\.([A-Z])")

MAX_TICKER_LENGTH = 12
NOT_A_TICKER = f"not a ticker: 1 to {MAX_TICKER_LENGTH} of A-Z, 0-9, dot, dash, ^ and =, such as AAPL, BRK.B or 0700.HK"


def read_ticker(raw: object) -> str | None:
    """The ticker in upper case, or None if `raw` is not a string of a ticker's shape."""
    if not isinstance(raw, str) or len(raw) > 64:
        return None
    ticker = raw.strip().upper()
    return ticker if ticker.isascii() and _SHAPE.fullmatch(ticker) else None


def sec_spelling(ticker: str) -> str:
    """`BRK.B` -> `BRK-B`; anything else unchanged (`0700.HK` names an exchange, not a class)."""
    match = _SHARE_CLASS.fullmatch(ticker)
    return f"{match[1]}-{match[2]}" if match else ticker
