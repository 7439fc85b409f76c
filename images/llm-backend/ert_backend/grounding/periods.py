"""Reads the periods a text names: years, fiscal years, quarters, halves, dates; and says which figure belongs to which.

Pure. A year that was never supplied is a claim that falls; a supplied figure under another period's name falls, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ert_backend.grounding.facts import Period

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "final": 4}
NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|(?-i:Mar(?:ch)?|May)|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_YEAR = r"(?P<{0}>(?:19|20)\d\d)"
MENTION = re.compile(
    rf"""
    (?<![\w$€£¥.,])(?:
      {_YEAR.format("iso")}-(?P<iso_month>\d\d)-\d\d\b
    | {_MONTH.format("m1")}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s{_YEAR.format("y1")})?\b
    | \d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH.format("m2")}(?:\s{_YEAR.format("y2")})?\b
    | {_MONTH.format("m3")}\s{_YEAR.format("y3")}\b
    | (?:[Qq](?P<q1>[1-4])|(?P<q2>[1-4])[Qq]|(?P<half>H[12]|[12]H)
        |(?:the\s)?(?P<q3>first|second|third|fourth|final|1st|2nd|3rd|4th)[\s-](?P<unit>quarter|half))
      (?:,?\s?(?:of\s)?(?:the\s)?(?:fiscal\s|FY\s?|year\s)*(?:{_YEAR.format("y4")}|(?:FY|')?(?P<short4>\d\d)(?!\d)))?\b
    | (?:fiscal(?:\syear)?|FY)[\s-]?(?:{_YEAR.format("y5")}|'?(?P<short5>\d\d))\b
    | {_YEAR.format("y6")}(?:[/-]\d\d)?(?![\d%]|[,.]\d|[A-Za-z])
      (?!\s?(?:thousand|million|billion|trillion|bn|percent|%|x\b))
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A year of an event, and not of a figure.
EVENT = re.compile(r"\b(?:since|founded|incorporated|established|listed|created|started|born)(?:\s\w+){0,2}\s*$", re.I)
AFTER = re.compile(r"\s*\(?\s*(?:(?:in|for|during|of|as of|at|at the end of|through|by|on|its?|the|full|whole|,)\s*)*")
# Words that set what follows against what came before: the period before them does not reach over.
AGAINST = re.compile(
    r"\b(?:compared|versus|vs|than|against|while|whereas|but|from(?=\s+(?:US)?[$€£¥\d]))\b|;", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A period as a text names it; None where it does not say."""

    text: str
    start: int
    end: int
    period: Period
    event: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.start, self.end


def find(text: str) -> list[Mention]:
    """The periods that `text` names, in order."""
    return [_mention(match, text) for match in MENTION.finditer(text)]


def _mention(match: re.Match[str], text: str) -> Mention:
    said = match.groupdict()
    year = next((int(said[name]) for name in ("iso", "y1", "y2", "y3", "y4", "y5", "y6") if said[name]), None)
    short = said["short4"] or said["short5"]
    if year is None and short:
        year = 2000 + int(short)
    month = next((_month(said[name]) for name in ("m1", "m2", "m3") if said[name]), None)
    month = int(said["iso_month"]) if said["iso_month"] else month
    ordinal = ORDINALS.get((said["q3"] or "").lower())
    quarter = int(said["q1"] or said["q2"] or 0) or (
        ordinal if said["unit"] and said["unit"].lower() == "quarter" else None
    )
    half = int(re.sub(r"\D", "", said["half"])) if said["half"] else (ordinal if said["unit"] and not quarter else None)
    event = EVENT.search(text[: match.start()]) is not None
    return Mention(match[0], match.start(), match.end(), Period(year, quarter, half, month), event)


def _month(name: str) -> int:
    return NAMES.index(name[:3].lower()) + 1


def belongs(mention: Mention, period: Period | None) -> bool:
    """Whether a figure of that period may be told under this name."""
    said = mention.period
    if period is None:
        return False
    pairs = ((said.year, period.year), (said.quarter, period.quarter), (said.half, period.half))
    return all(wanted is None or wanted == own for wanted, own in pairs) and said.month in (None, period.month)


def agree(mention: Mention, other: Mention | None) -> bool:
    """Whether a text gave this period to its number; a year that goes unsaid in the text may be said."""
    if other is None:
        return False
    said, given = mention.period, other.period
    parts = ((said.quarter, given.quarter), (said.half, given.half))
    return said.year in (None, given.year or said.year) and all(part in (None, own) for part, own in parts)


def governing(text: str, span: tuple[int, int], mentions: Sequence[Mention], others: Sequence[int]) -> Mention | None:
    """The period a number is told under: right behind it, else before it in the same breath, else the only one."""
    mine = [mention for mention in mentions if not mention.event]
    behind = next((mention for mention in mine if mention.start >= span[1]), None)
    if behind and AFTER.fullmatch(text[span[1] : behind.start]):
        return behind
    before = next((mention for mention in reversed(mine) if mention.end <= span[0]), None)
    if before and not AGAINST.search(text[before.end : span[0]]):
        return None if _belongs_to_earlier(text, before, others, span[0]) else before
    clear = behind and not AGAINST.search(text[span[1] : behind.start])
    return behind if clear and not any(span[1] <= start < (behind.start if behind else 0) for start in others) else None


def _belongs_to_earlier(text: str, mention: Mention, starts: Sequence[int], here: int) -> bool:
    """`$4B in 2023 and $5B`: the year was the first number's, and reaches this one only as a list does."""
    taken = any(start < mention.start and mention.start - start < 40 for start in starts)
    return taken and not re.fullmatch(r"\s*(?:,|and|or|,\s*and)?\s*", text[mention.end : here])
