"""The date that applies to a position of a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ert_backend.grounding import periods

REFERRED = re.compile(
    r"\b(?:from|since|than|to|with|versus|vs\.?|against|over|on|between|and|above|below|exceeded|topped|beat"
    r"|matched|short of|ahead of|shy of)\s+"
    r"(?:(?:in|at|the|that|those|of|for|its|level|levels|figure|mark|end|a|fiscal|full|year|whole)\s+)*$"
)
WITH = re.compile(r"(?<!compared )\bwith\s$")
UP_FROM = re.compile(r"\b(?:up|down) from\s[^a-z,]{1,14}(?:\w+\s){0,2}(?:in|for|during)\s(?:the |fiscal )*$")
# A value with its own date after these is a standard of comparison: `compared with 3.2 times recorded in FY2023`.
_VALUE = r"[^a-z\s,;]{0,3}\d[\d.,]*(?:bn|m|k|x|%)?(?:\s(?:times|percent|per cent|x|m|bn|million|billion|trillion))?"
STANDARD = re.compile(
    r"(?:\b(?:from\s(?:(?:a|the|just|about|only|minus|negative)\s)*|(?:compared (?:to|with)|(?:as )?against"
    r"|versus|vs\.?"
    r"|improvement on|deterioration from|than|(?:having|had) (?:still |already )?(?:been|stood at))\s"
    r"(?:(?!in\b|and\b|but\b|to\b|while\b)[a-z]+\s){0,6}?)\s?(?:[a-z]{1,3}(?=[\d$€£¥]))?"
    + _VALUE
    + r"\s(?:(?:in|at|for|during|recorded|reported|posted|seen|achieved|generated|booked|earned|held"
    r"|registered|carried|the|of|end|fiscal|year|back|one|only|just)\s)*|\s\()$"
)
OPENED = re.compile(r"\bfrom\s(?:(?!to\s)[^;])*$")
INTO = re.compile(r"\b(?:in)?to\s(?:an?\s)?$|\b(?:in)?to\s")
TURNED = re.compile(r"\s(?:has|have)\s(?:since\s|now\s)?\w+\s(?:in)?to\b")
ASIDE = re.compile(r",\s(?:which|who|whose|having|where)\s[^,;]*$")
BEFORE = re.compile(r"(?:'s?)?\s+(?:(?!(?:to|and|from|of|in|is|was|were|by|for|the|while|but)\s)\w+\s+){0,2}")
LEADS = re.compile(r"(?:\w+,? )?(?:in|for|during|over|through) (?:the )?(?:full )?(?:fiscal )?(?:year )?|")

MULTIPLIED = re.compile(
    r"\b(?:twice|double|triple|treble|times|half(?: of)?|third of|quarter of)\s(?:the|its|that of)\s$"
    r"|\b(?:what|than) (?:it|they|that) (?:was|were|had been|stood at|amounted to)\s(?:back )?(?:in |at )?(?:the )?$"
)
ABOUT_TIME = re.compile(r",|\s(?:was|is|saw|brought|proved|marked|ended|turned out|had|gave|delivered)\s")


def referred(text: str, mention: periods.Mention) -> bool:
    """Whether a date is a standard of comparison (`than in 2023`) and not that of the subject."""
    before = text[max(0, mention.start - 40) : mention.start]
    if WITH.search(before) and text[mention.end :].lstrip().split(" ", 1)[0].endswith("ing"):
        return False  # `with FY2025 bringing no respite`
    if REFERRED.search(before) or UP_FROM.search(before):
        return True
    value = STANDARD.search(text[max(0, mention.start - 90) : mention.start])
    if value is None and MULTIPLIED.search(before):
        return True
    return value is not None and (not value[0].endswith("(") or text.startswith(":", mention.end))


def _multiplied(text: str, mention: periods.Mention) -> bool:
    """Whether the date is that of a base: `twice the FY2022 figure`."""
    return MULTIPLIED.search(text[max(0, mention.start - 40) : mention.start]) is not None


def _aside(text: str, mention: periods.Mention, place: int) -> bool:
    """Whether the date is that of a relative clause that the place is not in: `, which doubled in FY2023, was`."""
    opened = ASIDE.search(text[max(0, mention.start - 80) : mention.start])
    if opened is None:
        return False
    begin = max(0, mention.start - 80) + opened.start()
    closed = text.find(",", mention.end)
    return not begin <= place < (closed if closed > 0 else len(text))


def _start(text: str, mention: periods.Mention, place: int) -> bool:
    """Whether the date is that of a start value before: `from net debt of $2 in FY2022 it moved to`."""
    begin = OPENED.search(text[max(0, mention.start - 80) : mention.start])
    between = text[mention.end : place + 8]
    turned = TURNED.match(between) is not None
    return turned or (begin is not None and INTO.search(between) is not None)


def leading(text: str, mention: periods.Mention) -> bool:
    """Whether the whole sentence is about a date: `In 2024, ...`, `FY2024 was a hard year: ...`."""
    said = ABOUT_TIME.match(text, mention.end) is not None
    return mention.start < 40 and said and LEADS.fullmatch(text[: mention.start]) is not None


def time_at(
    text: str, clause: tuple[int, int], told: Sequence[periods.Mention], start: int, end: int
) -> periods.Mention | None:
    """Return the date of a figure: right after or before it, else that of its clause or of the sentence."""
    begin, stop = clause
    near: list[tuple[int, periods.Mention]] = []
    for mention in told[:12]:
        behind = mention.start >= end and periods.AFTER.fullmatch(text[end : mention.start][:40])
        if behind and not mention.event and not referred(text, mention):
            return mention
    for mention in told[:12]:
        if mention.event:
            continue
        if mention.end <= start and _start(text, mention, start):
            continue
        if mention.end <= start and BEFORE.fullmatch(text[mention.end : start][:40]):
            return mention
        if referred(text, mention) or _multiplied(text, mention) or _aside(text, mention, start):
            continue
        leads = leading(text, mention)
        if begin <= mention.start < stop or leads:
            near.append((min(abs(mention.start - end), abs(start - mention.end)), mention))
    return min(near, key=lambda item: item[0])[1] if near else None
