"""Input that is slow to check for numbers, tags or placeholders when the checker has a quadratic case."""

from __future__ import annotations

PIECES = (
    "1 2 3 ",
    "revenue of 1 and ",
    "$1.2B in revenue, ",
    "revenue and net income were 1 and 2, ",
    "24% of revenue as ",
    "about 1000 ",
    "between 1 and ",
    "( 1) ",
    "Q1 FY 2024 ",
    "hundred ",
    "one point ",
    "9",
    "1,000,",
    "<|",
    "<",
    "<<<>",
    "<think>",
    "[[ ",
    "[[",
    "[INST]",
    " \n",
    "```\n",
    "{",
    '{"a":',
    '{"sentences": [{"text": "1 2 3."}]} ',
    "- * ",
    "a. ",
    '."',
    "\u0130",
    "\U0001f4a3",
    "\x00",
    "&lt;|",
)


def filled(piece: str, size: int) -> str:
    """Repeat one piece to `size` characters."""
    return (piece * (size // len(piece) + 1))[:size]
