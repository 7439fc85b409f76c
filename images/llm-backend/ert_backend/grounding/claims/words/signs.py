"""Patterns for a negative or positive figure, and for the date or starting point of that sign."""

from __future__ import annotations

import re

from ert_backend.grounding.claims.words.states import ADVERB, IS

ONLY_THEN = re.compile(
    r"\bonly (?:in |during |for )?(?:the )?(?:\w+ )?(?:quarter|year|half)"
    r"|^only (?:the )?\w+ (?:quarter|year)|\bonly in (?:fy|20)"
)
# `only one quarter of 2024 ended with`: so many dates and no more.
COUNTED = re.compile(
    r"\b(?:(?:only|just|exactly) (?P<count>one|two|three)(?: of (?:the|its))?(?: (?:four|three))?"
    r" (?P<unit>quarters?|years?)(?: (?:of|in) (?:20\d\d|the year|the three))?,?(?: the \w+(?: and \w+)?,)?"
    r"(?: (?:was|were|is|are|that|has|have|been))*\s)$"
)
# `went from $1.5 billion of net cash to`: the previous value.
PASSING = re.compile(r"\bfrom [^,;]{0,30}$")
# `excluding the first quarter, no quarter`: the other quarters are not those of the sentence.
SPARED = re.compile(
    r"\b(?:excluding|except(?:ing)?|apart from|other than|save for|bar|aside from) (?:for "
    r"|in )?(?:the )?(?:\w+ quarter|fy|20\d\d|fiscal)"
)
# `in the loss-making FY2022`: an attribute of a date.
ATTRIBUTE = re.compile(r"\s(?:fy ?|fiscal |year )?(?:20\d\d)\b")
BETWEEN = re.compile(r"\s(?:in between|in the (?:meantime|interim)|along the way)\b")
# `positive free cash flow is not to be found`.
ABSENT = re.compile(
    r"s?\s(?:(?:is|was|were|are|has been)\s(?:not to be|nowhere|never|not|absent)|has (?:so far |always )?eluded)\b"
)
# `after having been`, `one year before net income turned`: a state of another date.
OF_BEFORE = re.compile(r"\bhaving\s(?:\w+\s)?$|\b(?:year|quarter)s?\s(?:before|after)\s[^,;.]{1,30}$")
WITHOUT = re.compile(r"\b(?:not|never|n't)\b[^,;]{0,70}\bwithout\b")
SIGN = re.compile(
    rf"\b(?:(?P<adjective>negative|positive)\s(?=\w)|(?:{IS}|cross(?:es|ed)?|moved|returned"
    rf"|swung|climbed|slipped|fell|got)\s(?:{ADVERB}\s)*(?:(?:in|into|to"
    rf"|back\sto)\s)?(?P<is>negative"
    rf"|positive)(?!\w)(?:\sterritory)?|(?P<zero>(?:below|under|above)\s(?:zero|water|the\swaterline)|into\sthe\sminus)\b)"
)
