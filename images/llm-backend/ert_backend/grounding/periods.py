"""Parser for dates in text (years, fiscal years, quarters, halves, months), and their assignment to figures.

A year that is not in the input is rejected, and so is a figure with a date that is not its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ert_backend.grounding.facts import Period

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "final": 4}
ORDINALS |= {"opening": 1, "closing": 4}
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
        |(?:the\s)?(?P<q3>first|second|third|fourth|final|opening|closing|1st|2nd|3rd|4th)[\s-](?P<unit>quarter|half))
      (?:,?\s?(?:of\s)?(?:the\s)?(?:fiscal\s|FY\s?|year\s)*(?:{_YEAR.format("y4")}|(?:FY
        |')?(?P<short4>\d\d)(?!\d)))?\b
    | (?:fiscal(?:\syear)?|FY)[\s-]?(?:{_YEAR.format("y5")}|'?(?P<short5>\d\d))\b
    | {_YEAR.format("y6")}(?:[/-]\d\d)?(?![\d%]|[,.]\d|[A-Za-z])
      (?!\s?(?:thousand|million|billion|trillion|bn|percent|%|x\b))
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A relative date; its anchor is the date mentioned before it or the newest in the input.
RELATIVE = re.compile(
    r"""
    (?<![\w-])(?:
      (?P<new_quarter>(?:the\s)?(?:last|latest|most\srecent|newest|past|current|this)\s(?:(?:reported
        |fiscal)\s)?quarter\b
        |quarterly(?=\s))
    | (?P<old_quarter>(?:the\s)?(?:prior|previous|preceding)\s(?:fiscal\s)?quarter\b|(?:the|a
      |one)\squarter\s(?:before|earlier|ago)\b)
    | (?P<old_year>(?:the\s)?(?:prior|previous|preceding)\s(?:fiscal\s|financial\s)?year\b
        |(?:the|a|one)\syear\s(?:before(?!\s(?:net|its|it|the|revenue|operating|that|any|profit|cash)\b)
          |earlier|ago|prior)\b|(?:the\s)?year[- ](?:earlier|ago)\b
        |(?<=in\s)the\sone\s(?:before|earlier)\b|(?<=than\s)the\sone\sbefore\b)
    | (?P<old_years>(?P<count>two|three|four|five|2|3|4|5)\syears\s(?:before|earlier|ago|prior)\b)
    | (?P<last_year>last\s(?:fiscal\s|financial\s)?year\b)
    | (?P<new_year>(?:the\s)?(?:latest|most\srecent|current|this)\s(?:fiscal\s|financial\s|full\s|reported\s)*year\b)
    | (?P<next_year>the\s(?:following|next|subsequent|succeeding)\s(?:fiscal\s|financial\s)?year\b
        |the\syear\s(?:after|that\sfollowed|afterwards)(?=\s*[.,;)]|\s*$|\s(?:and|but|to)\b)|(?:a|one)\syear\slater\b)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
BARE = re.compile(
    r"\b(?:in|was|were|than|from|to|is|by|between|of|whereas|while)\sthe\s(?P<ordinal>first|second|third|fourth|final|last"
    r"|latest)(?=\s(?:turned|was|proved|saw|brought|marked)\b|\s*[.,;()]|\s*$|\s(?:and|but|to|through|than|or)\b|\s(?:of\s(?:20|FY)))",
    re.IGNORECASE,
)
IN_A_ROW = re.compile(r"\s*(?:,|and|,\s*and|then|,\s*then|and then)\s*(?:in\s|to\s)?")
# The leading clause ends at the comma: `After a loss in 2023, net income was $5 million`.
LEADING = re.compile(r"(?:After|Having|Following)\b[^,;]{0,80},", re.IGNORECASE)
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}
# The year of an event, not of a figure.
EVENT = re.compile(
    r"\b(?:since|founded|incorporated|established|listed|created|started"
    r"|born)(?:\s\w+){0,2}\s*$",
    re.I,
)
AFTER = re.compile(
    r"\s*\(?\s*(?:(?:in|for|during|of|as of|at|at the end of|through|by|on|its?|the|full|whole"
    r"|,)\s*)*"
)
# These separate the two parts of a comparison: a date before them does not apply after them.
AGAINST = re.compile(
    r"\b(?:compared|versus|vs|than|against|while|whereas|but|from(?=\s+(?:US)?[$€£¥\d]|\s*$))\b|;", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A date in a text; a field is None where the text does not specify it.

    `relative`: given relative to another date. `vague`: the year before is possible, too (`last year`).
    """

    text: str
    start: int
    end: int
    period: Period
    event: bool = False
    relative: bool = False
    vague: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """The start and end offset."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest year and quarter of the input."""

    year: int | None = None
    quarter: Period | None = None


def find(text: str, latest: Newest | None = None) -> list[Mention]:
    """Return each date in `text`, in order; a relative one only with `latest`, the newest one of the input."""
    found = [_mention(match, text) for match in MENTION.finditer(text)]
    if latest is None:
        return found
    for match in RELATIVE.finditer(text):
        if latest.year is None and (match["new_year"] or match["last_year"]):
            continue
        before = next((m for m in reversed(found) if m.end <= match.start() and m.period.year and not m.event), None)
        if match["next_year"] and before is None:
            continue
        if not any(m.start < match.end() and match.start() < m.end for m in found):
            found.append(_relative(match, before.period if before else None, latest))
    found += [_bare(match, latest) for match in BARE.finditer(text)] if "quarter" in text.lower() else []
    return sorted(found, key=lambda mention: mention.start)


def _bare(match: re.Match[str], latest: Newest) -> Mention:
    """Return the quarter of `the second`, without a year; `the last` is the newest one."""
    word = match["ordinal"].lower()
    quarter = ORDINALS.get(word) or 0
    newest = latest.quarter or Period(quarter=0)
    period = newest if word in {"last", "latest"} else Period(None, quarter)
    return Mention(match[0], match.start("ordinal"), match.end(), period, False, True)


def _relative(match: re.Match[str], anchor: Period | None, latest: Newest) -> Mention:
    """Return the date of a relative mention; an unknown quarter or year is number 0, which matches no figure."""
    year, quarter = (anchor.year, anchor.quarter) if anchor else (latest.year, None)
    if match["new_quarter"] or match["old_quarter"]:
        known = anchor if anchor and anchor.quarter and match["old_quarter"] else latest.quarter
        period = _quarter(known, 1 if match["old_quarter"] else 0)
    elif match["new_year"] or match["last_year"]:
        period = Period(latest.year or 0)
    elif match["next_year"]:
        period = Period(year + 1 if year else 0, quarter)
    else:
        count = (match["count"] or "").lower()
        period = Period(year - (COUNTS.get(count) or int(count or 1)) if year else 0, quarter)
    return Mention(match[0], match.start(), match.end(), period, False, True, match["last_year"] is not None)


def _quarter(known: Period | None, back: int) -> Period:
    if known is None or not known.quarter or not known.year:
        return Period(quarter=0)
    return Period(known.year - (known.quarter <= back), (known.quarter - back - 1) % 4 + 1)


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
    """Whether a figure of that `Period` may be given with this date."""
    said = mention.period
    if period is None:
        return False
    pairs = ((said.year, period.year), (said.quarter, period.quarter), (said.half, period.half))
    return all(wanted is None or wanted == own for wanted, own in pairs) and said.month in (None, period.month)


def agree(mention: Mention, other: Mention | None) -> bool:
    """Whether the input text has this date for its number; a year that the text omits is accepted."""
    if other is None:
        return False
    said, given = mention.period, other.period
    parts = ((said.quarter, given.quarter), (said.half, given.half))
    return said.year in (None, given.year or said.year) and all(part in (None, own) for part, own in parts)


def in_order(text: str, spans: Sequence[tuple[int, int]], mentions: Sequence[Mention]) -> dict[int, Mention]:
    """Match the last n periods of a list to n listed values in order: `$1, $2 and $3 in 2023, 2024 and 2025`."""
    told = [mention for mention in mentions if not mention.event]
    for size in range(min(len(told), len(spans), 6), 1, -1):
        row = told[-size:]
        for first in range(len(spans) - size + 1):
            run = spans[first : first + size]
            if _in_a_row(text, [m.span for m in row]) and _in_a_row(text, run):
                return {first + place: mention for place, mention in enumerate(row)}
    return {}


def _in_a_row(text: str, spans: Sequence[tuple[int, int]]) -> bool:
    gaps = [text[left[1] : right[0]] for left, right in itertools.pairwise(spans)]
    return all(IN_A_ROW.fullmatch(gap[:30]) for gap in gaps)


# `back at its FY2022 level of 14%, having touched 16% in between`: of no date that the sentence names.
DATES = re.compile(r"[^,;]{0,40}\s(?:dates?|dated|stems?|stemmed)\s(?:back\s)?(?:from|to)\s(?:the\s)?")
ELSEWHEN = re.compile(r"\s(?:in between|in the (?:meantime|interim)|along the way|at one point)\b")


def governing(text: str, span: tuple[int, int], mentions: Sequence[Mention], others: Sequence[int]) -> Mention | None:
    """Return the date of a number: directly after it, else before it in the same clause, otherwise the only one."""
    mine = [mention for mention in mentions if not mention.event]
    if ELSEWHEN.match(text, span[1]):
        return None
    behind = next((mention for mention in mine if mention.start >= span[1]), None)
    if behind and AFTER.fullmatch(text[span[1] : behind.start]):
        return behind
    if behind and DATES.fullmatch(text[span[1] : behind.start]):
        return behind
    lead = LEADING.match(text)
    done = lead.end() if lead and lead.end() <= span[0] else 0
    before = next((mention for mention in reversed(mine) if done <= mention.start and mention.end <= span[0]), None)
    if before and not AGAINST.search(text[before.end : span[0]]):
        return None if _belongs_to_earlier(text, before, others, span[0]) else before
    clear = behind and not AGAINST.search(text[span[1] : behind.start])
    return behind if clear and not any(span[1] <= start < (behind.start if behind else 0) for start in others) else None


def _belongs_to_earlier(text: str, mention: Mention, starts: Sequence[int], here: int) -> bool:
    """Whether the date of `$4B in 2023 and $5B` belongs to the first number only, because no list connects both."""
    taken = any(start < mention.start and mention.start - start < 40 for start in starts)
    return taken and not re.fullmatch(r"\s*(?:,|and|or|,\s*and)?\s*", text[mention.end : here])
