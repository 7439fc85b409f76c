"""Patterns for one figure as a multiple or part of another."""

from __future__ import annotations

import re

SIZE = r"(?:much|many|large|high|big|great|fast|wide|long|heavy|expensive|valuable|strong|volatile|profitable|quickly)"
LINK = re.compile(
    rf"(?:\s?(?:times|over|x)(?!\w))?(?:\s(?:as {SIZE}(?: (?P<what>[\w ]{{1,30}}?))? as"
    rf"|the (?:size|level|pace|speed|amount"
    rf"|value|level|figure|volume|rate) of"
    rf"|that of|those of|of|what|greater than|larger than|larger|higher than|bigger than|more than)(?!\w))?"
)
OFF = re.compile(
    r"\s?(?:points?\s)?(?:(?P<up_then>(?:higher|larger|greater|more|wider|better)\s(?:in|for"
    r"|during|at)\s(?:[\w']+\s){1,4}?than)"
    r"|(?P<down_then>(?:lower|smaller|less|narrower|worse|weaker)\s(?:in|for|during"
    r"|at)\s(?:[\w']+\s){1,4}?than)|(?P<up>higher than|above|more than|larger than|greater than"
    r"|bigger than|over"
    r"|in excess of|dearer than|premium to"
    r"|premium over|north of|ahead of|wider than|better than|richer than|faster than|up on)|(?P<down>lower than"
    r"|below|less than|smaller than"
    r"|under|beneath|short of|shy of|discount to|south of|behind|cheaper than|narrower than|off|adrift of"
    r"|fewer than|down from|worse than))(?!\w)"
)
MORE_OF = re.compile(r"\s(?P<word>more|less|fewer|higher|larger|greater|lower)\s")
BY = re.compile(
    r"\s(?:by\s)?(?:a\sfactor\sof\s)?(?:(?:a|about|around|roughly|nearly|almost|more than|some|over|less than|just|only"
    r"|approximately|close to|well over|an?|well|a little more than)\s)*$"
)
DISCOUNT = re.compile(
    r"(?P<word>premium|discount) of (?:(?:about|around|roughly|some|nearly|almost|just|more than|less than|over"
    r"|under)\s)*$"
)
# After an amount of another type: `21 times in 2024`, `33.9x for ALFA`; `by a factor of two` is a change.
OTHERWISE = re.compile(
    r"s?\s(?:in|for|at|on|from|to|since|over|and|by|during|recorded|posted|reported|seen|achieved)\s"
)
BY_FACTOR = re.compile(
    r"\bfactor of|(?<!is )(?<!are )(?<!was )(?<!were )\b\w+fold$|(?<!is )(?<!are )(?<!was )\d\s?fold"
)
EARNS = re.compile(r"\sof\swhat\s(?:it|the\s\w+)\s(?:earns|earned|makes|made)(?!\w)")
PAYS_OUT = re.compile(r"\b(?:pa(?:ys?|id)\sout|distribut\w+|hand(?:s|ed)\sout|returns?|returned)\s(?:\w+\s){0,3}$")
VALUED_AT = re.compile(
    r"\b(?:trad(?:es?|ed|ing)|valued|priced|sells?|chang\w+\shands|stands?|quoted)\s(?:\w+\s)?at\s(?:\w+\s){0,3}$"
)
FAST = re.compile(r"\bas (?:fast|quickly|rapidly) as(?!\w)|\bthe (?:rate|pace|speed|growth) of(?!\w)")
LEVEL = re.compile(r"'?s?\s(?:levels?|figure|value|amount|sum|total|mark)\b")
WHAT_IT_WAS = re.compile(r"\bwhat (?:it|they) (?:was|were|had been|stood at)\b")
