"""Patterns of superlatives, and the figures that they rank."""

from __future__ import annotations

import re

VALUED = frozenset({"Trailing P/E", "Price to earnings"})
MULTIPLES = VALUED | {"Forward P/E", "Price to book", "Price to sales", "EV to EBITDA", "EV to revenue"}
BY_MULTIPLE = re.compile(
    r"\b(?:on|by|in terms of|measured by|judged by|going by)\s(?:its\s|the\s|a\s)?$", re.IGNORECASE
)
# Adjectives that imply their own figure: (names, whether the largest value is first).
OWN = {
    "valuable": (frozenset({"Market capitalisation"}), True),
    "highly valued": (frozenset({"Market capitalisation"}), True),
    "expensive": (VALUED, True),
    "highly rated": (VALUED, True),
    "richly valued": (VALUED, True),
    "profitable": (frozenset({"Net margin"}), True),
    "leveraged": (frozenset({"Debt to equity"}), True),
    "highly leveraged": (frozenset({"Debt to equity"}), True),
    "indebted": (frozenset({"Debt to equity", "Total debt"}), True),
    "heavily indebted": (frozenset({"Debt to equity", "Total debt"}), True),
    "geared": (frozenset({"Debt to equity"}), True),
    "highly geared": (frozenset({"Debt to equity"}), True),
    "generous": (frozenset({"Dividend yield"}), True),
    "levered": (frozenset({"Debt to equity"}), True),
    "highly levered": (frozenset({"Debt to equity"}), True),
    "expensively rated": (VALUED, True),
    "expensively valued": (VALUED, True),
    "cheaply rated": (VALUED, False),
    "cheaply valued": (VALUED, False),
    "volatile": (frozenset({"Beta"}), True),
    "cheapest": (VALUED, False),
    "dearest": (VALUED, True),
    "priciest": (VALUED, True),
    "fastest growing": (frozenset({"Revenue growth"}), True),
    "slowest growing": (frozenset({"Revenue growth"}), False),
    "slowest grower": (frozenset({"Revenue growth"}), False),
    "fastest grower": (frozenset({"Revenue growth"}), True),
    "quickest growing": (frozenset({"Revenue growth"}), True),
    "highest yielding": (frozenset({"Dividend yield"}), True),
    "lowest yielding": (frozenset({"Dividend yield"}), False),
}
_OWN = "|".join(re.escape(word) for word in sorted(OWN, key=len, reverse=True))
SUPER = re.compile(
    rf"""
    \b(?:(?P<second>second|third|two|three)[ ])?(?:
      (?P<place>(?:ranks?|comes?(?:\sin)?|places?|stands?|sits)\s(?P<nth>third|fourth))|
      (?P<own>{_OWN})(?P<after_own>)(?<=ing|est|wer)
    | (?P<degree>most|least)\s(?P<adjective>{_OWN})
    | (?P<high>highest|largest|biggest|greatest|widest|strongest|best|richest|fattest|juiciest|plumpest
      |loftiest|briskest|busiest|meatiest|beefiest|steepest|fastest|deepest
      |longest|heaviest|fullest|least\snegative|most(?=\s(?:free|operating|net|gross|income|profit|sales|cash
        |debt|revenue|employees|borrowings|analysts|(?:of\sthe|in\sthe|among)\s))
        |peak(?:ed|s)?|(?:reach(?:es|ed)?|hits?|touched|at)\s(?:its|a|the|their)\s(?:\w+\s){{0,2}}(?:high|peak|best
          |zenith|top)(?=[ .,;]|$)|topped\sout|record|crested|high\spoint|high\swater\smark
            |top(?=\s(?:of\sthe\s(?:three|group|peer|list)|rank|for|on|margin))|tops\s(?:the|its)\s(?:group|list
              |peer\sgroup|peer\sset|peers|rivals|table|three)|leads\s(?:the\s(?:group|peer\sgroup|three|field|pack)|its\speers|both\s(?:of\s(?:its|the)\s)?(?:peers|comparables|rivals|competitors)|its\speer\s(?:group|set)|all\s(?:of\s)?its\speers)|leads(?=\sboth\s[a-z]+\sand\s)
        |ranks?\s(?:first|highest|top|number\sone)|comes?\s(?:first|top)|heads\sthe\s(?:group|list|table))
    | (?P<low>most\snegative|lowest|smallest|narrowest|thinnest|weakest|worst|poorest|slowest|softest|slackest
      |quietest|skimpiest|scantest|meagrest|dullest|skinniest|fewest|leanest
      |lightest|slimmest
      |trough(?:ed)?|(?:reach(?:es|ed)?|hits?|touched|at|fell\sto|sank\sto|dropped\sto)\s(?:its|a|the|their)\s(?:\w+\s){{0,2}}(?:low|trough|nadir
        |worst|bottom)(?=[ .,;]|$)|bottomed(?:\sout)?|low\spoint|nadir|least(?=\s(?:cash|debt|revenue|employees
          |borrowings|(?:of\sthe|in\sthe|among)\s))
        |ranks?\s(?:last|lowest|bottom)|comes?\s(?:dead\s)?(?:last|bottom)|(?:occupies|takes|holds)\sthe\s(?:bottom|last)\s(?:spot|place|rank|slot)
        |wooden\sspoon|minnow|laggard(?=\sof)|last\sof\sthe\s(?:three|group|peer)|brings\sup\sthe\srear|trails\s(?:the\s(?:group
          |peer\sgroup|field|pack)|both\s(?:of\sits\s)?peers)|bottom\sof\sthe\s(?:three|group|peer|list|table))
    | (?P<middle>(?:occupies|takes|holds|than)\ssecond\s(?:place|spot|rank)|ranks?\s(?:second|in\sthe\smiddle)
      |comes?\ssecond|in\sthe\smiddle\sof|sits\sin\sthe\smiddle
      |middle\sof\sthe\s(?:three|group|pack))
    )(?!\w)
    """,
    re.VERBOSE,
)
OF_COMPANIES = re.compile(
    r"\b(?:of|among|amongst|in|across|within|than any of|out of|between) (?:all |the |its |this "
    r"|these )*(?:three|two|four|group|peer group|peers?|peer set|companies|sample|trio|set|lot|rivals"
    r"|competitors|names|banks|miners|operators|airlines|carriers|lenders|table|basket|cohort|ranking"
    r"|peer ranking|growth ranking"
    r"|utilities|retailers|sector|comparison|field|\w+ companies|comparables"
    r"|universe)(?!\w)(?! (?:\w+ )?(?:years?|quarters?|fiscal|months?))"
)
OF_TIMES = re.compile(
    r"\b(?:of|in|over|across|among|for|out of|during|within|since|through) (?:all )?(?:the |any of the "
    r"|each of the |these |its )*(?:(?:past|last|previous|four|three|two|reported|latest|supplied|fiscal"
    r"|financial|successive) )*(?:years|quarters|four|year|period|twelve months|20\d\d|fy ?20\d\d)\b"
    r"|\b(?:year|quarter)s?\b|\bfy ?20\d\d|\b20\d\d\b|\bpeak|\btrough|\bquarterly\b|\bbottomed|\brecord\b"
)
BEHIND = re.compile(
    r"\s(?:(?:of|in|among) (?:the |its )?(?:three|four|group|peer group|year|two|lot|trio|peers|fy ?20\d\d|20\d\d"
    r"|last (?:two|three|four) (?:fiscal )?(?:years|quarters)) )?"
    r"(?:for|on|by|in terms of|measured by|in|as measured by|when it comes to|of)\s(?:its |the )?"
)
IS_LATEST = re.compile(
    r"\b(?:in|during|is|was) (?:the |its )?(?:latest|last|most recent|final|current)(?: one| period)?(?=\s*[.,;]"
    r"|\s*$|\squarter)"
)
TIME_BEHIND = re.compile(r"\s(?:\w+\s)?(?:year|quarter)s?\b")
LOSS = re.compile(r"(?:net |operating )?loss(?:es)?$|burn$|outflow$")
ONLY = re.compile(
    r"\bonly (?:(?P<profit>profitable)|(?P<loss>loss making|unprofitable)) (?P<unit>quarter|year)\b"
    r"|\bonly (?P<unit2>quarter|year) (?:in|with|of)[^,;]{0,20}(?P<kind>profit|loss)\b"
)
EXCEPT = re.compile(
    r"\b(?:one of|among|nearly|almost|close to|near|not far from|approaching|some of|second|at best|at worst"
    r"|its own)\s(?:the\s)?$"
)
