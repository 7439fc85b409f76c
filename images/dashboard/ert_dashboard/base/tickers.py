"""Ticker syntax: validation, and the SEC's spelling of share classes.

Whether a company exists is not checked here but by the market data.
"""

from __future__ import annotations

import re

_SHAPE = re.compile(r"[A-Z0-9][A-Z0-9.\-^=]{0,11}")
# The SEC spells BRK.B as BRK-B. Only a single letter after the dot is a share class; `.HK` is an exchange suffix.
_SHARE_CLASS = re.compile(r"([A-Z]{1,6})\.([A-Z])")

MAX_TICKER_LENGTH = 12
NOT_A_TICKER = f"not a ticker: 1 to {MAX_TICKER_LENGTH} of A-Z, 0-9, dot, dash, ^ and =, such as AAPL, BRK.B or 0700.HK"


def read_ticker(raw: object) -> str | None:
    """Return the ticker in upper case, or None when `raw` is not a string in ticker syntax."""
    if not isinstance(raw, str) or len(raw) > 64:
        return None
    ticker = raw.strip().upper()
    return ticker if ticker.isascii() and _SHAPE.fullmatch(ticker) else None


def sec_spelling(ticker: str) -> str:
    """Convert a share class to the SEC's spelling, `BRK.B` to `BRK-B`; return other tickers unchanged, as `0700.HK`."""
    match = _SHARE_CLASS.fullmatch(ticker)
    return f"{match[1]}-{match[2]}" if match else ticker
