"""Patterns of predicates that compare two figures: above, below or equal."""

from __future__ import annotations

import re

MORE = (
    "higher|larger|greater|bigger|more|wider|better|stronger|richer|fatter|heavier|steeper|faster|deeper|loftier"
    "|fuller|longer|taller|ampler|broader|healthier"
)
LESS = "lower|smaller|fewer|less|narrower|thinner|weaker|worse|lighter|slimmer|slower|leaner|poorer|shorter|tighter"
ADJECTIVE = rf"(?:(?P<more>{MORE})|(?P<less>{LESS}))"
THAN = r"(?:than|compared (?:with|to)|relative to|versus|vs\.?|against)"
# `higher in FY2024 than in FY2023`.
IN_TIME = r"(?:\s(?:in|for|during|at|over)\s(?:[\w']+\s){1,4}?(?<=\s))?"
COMPARED = re.compile(rf"\b{ADJECTIVE}(?:\s+|{IN_TIME}){THAN}(?!\w)")
ATTRIBUTE = re.compile(rf"\b{ADJECTIVE}\s+(?:in |of |on )?(?=\w)")
NEAR = re.compile(
    r"s?(?:\s+(?:\w+|[\d.,$€£¥%()]+)){0,5}?,?\s+"
    + THAN
    + r"(?!\w)(?:\s(?:it|they)\s(?:has|have|had|holds?|held|carr(?:ies|y)|shows?|does)(?!\w)(?:\sin)?)?"
)
_DONE = (
    r"(?:exceeded|surpassed|topped|outweighed|outstripped|eclipsed|dwarfed|outpaced|outnumbered|beaten|outdone"
    r"|overshadowed"
    r"|overtaken|swamped|trumped)"
)
_IS = r"(?:is|are|was|were|be|been|remain(?:s|ed)?|stay(?:s|ed)?)(?:\s(?!above|below|up|down)\w+){0,2}?"
_PAY = (
    r"(?:cover|repay|pay\soff|pay\sback|pay\sfor|pay|retire|meet|fund|settle|finance|redeem|extinguish|clear|service"
    r"|support)"
)
VERBS = re.compile(
    rf"""
    \b(?:
      (?P<passive_up>{_IS}\s{_DONE}\sby)
    | (?P<passive_cover>{_IS}\s(?:covered|funded|backed|met|financed|matched\sor\sexceeded|supported|underpinned)
        \s(?:\w+\s){{0,2}}?by|{_IS}\s(?:paid\sfor|paid|funded|financed|met)\s(?:\w+\s)?out\sof)
    | (?P<short>(?:insufficient|inadequate|not\s(?:\w+\s)?(?:enough|sufficient|adequate)
      |nowhere\snear\s(?:enough|sufficient)|too\s(?:little|low|small|thin))\sto\s(?:fully\s)?{_PAY}
        |f[ae]ll(?:s|ing|en)?\s(?:\w+\s)?short\sof(?:\scovering)?
        |(?:fails?|failed|failing|unable|not\sable)\sto\s(?:fully\s)?(?:{_PAY}|match|exceed|reach)
          |cannot\s(?:fully\s)?{_PAY}|can't\s{_PAY}|could\snot\s(?:fully\s)?{_PAY})
    | (?P<cover>suffic(?:es?|ed)\sto\s{_PAY}|(?:(?:more|large|big|high|ample|than)\s)*(?:enough|sufficient
      |adequate|ample)\s(?:(?:cash|money|funds|profit|in|fy20\d\d|20\d\d|the\syear)\s)*to\s(?:fully\s)?{_PAY}
        |(?:cover|fund|financ)(?:s|ed|ing|es)?|back(?:s|ed|ing)|pays?\sfor|paid\sfor|(?:could|can|would
          |able\sto)\s(?:\w+ly\s)?{_PAY}
        |(?:takes?|took|taken|eats?|ate|swallow(?:s|ed)?|consumes?d?|absorb(?:s|ed)?|offsets?|us(?:es
          |ed))(?:\sup)?(?=\s(?:all|the\swhole|the\sentirety)\sof\s))
    | (?P<through>(?:br[eo]ak(?:s|ing)?|broken?|smash(?:es|ed|ing)?|burst|push(?:es|ed|ing)?|punch(?:es|ed
      |ing)?|surg(?:es|ed|ing)|mov(?:es|ed|ing)
        |climb(?:s|ed|ing)?|gone|went|ris(?:es|en|ing)|rose|f[ae]ll(?:s|en|ing)?|slip(?:s|ped|ping)?|drop(?:s
          |ped|ping)?|s[aiu]nk(?:s|ing)?|tumbl(?:es|ed|ing)
        |plung(?:es|ed|ing)|crash(?:es|ed|ing)?|slid(?:es|ing)?)\s(?:\w+ly\s)?through|breach(?:es|ed|ing)?
          |pierc(?:es|ed|ing)|(?<=\s)crack(?:s|ed|ing)?)
    | (?P<up>exceed(?:s|ed|ing)?|surpass(?:es|ed|ing)?|topp?(?:s|ed|ing)|outweigh(?:s|ed|ing)?|outstripp?(?:s|ed|ing)?
        |outpac(?:e|es|ed|ing)|outgr[eo]w(?:s|n|ing)?|outnumber(?:s|ed)?|outr[au]n(?:s|ning)?|overshadow(?:s
          |ed)?|outdo(?:es)?|outdid|outshines?
        |eclips(?:e|es|ed|ing)|dwarf(?:s|ed|ing)?|beats?|outearn(?:s|ed)?|overtakes?|overt(?:ook|aken)|outsells?
          |trumps?|outrank(?:s|ed)?
        |(?:just|well|slightly|a\slittle)\sover(?=\s(?:its|the|their)\s)|outsiz(?:e|es|ed)|in\sexcess\sof
          |(?<!gets\s)(?<!get\s)ahead\sof|above|north\sof|clear\sof|(?:at|on
          |with)\sa\s(?:\w+\s)?premium\s(?:to|over)
        |a\s(?:\w+\s)?premium\s(?:to|over)|(?:carries|commands|enjoys)\sa\s(?:\w+\s)?premium\s(?:to|over)
          |dearer\sthan|upwards?\sof)
    | (?P<down>below|beneath|under|behind|trail(?:s|ed|ing)?(?!\s(?:[^\w\s]|\d|c[$]|twelve\b|p/e|multiple
      |earnings|one\b|figure))|lag(?:s|ged|ging)?(?:\sbehind)?|south\sof|short\sof
      |(?:br[eo]ak(?:s|ing)?|broken?|f[ae]ll(?:s|en|ing)?|slip(?:s|ped|ping)?|drop(?:s|ped|ping)?)\s(?:below
        |under|beneath)
      |shy\sof
        |undershoot(?:s)?|undershot|(?:at|on|with)\sa\s(?:\w+\s)?discount\s(?:to|from)|a\s(?:\w+\s)?discount\sto
          |undercut(?:s)?|adrift\sof)
    | (?P<at>(?:trad(?:es?|ing)|sits?|stands?|priced|quoted|is|are|was|changes\shands|valued)\s(?:right\s
      |exactly\s|squarely\s|just\s)?at
        (?=\s(?:its|their|the|a)\s(?:52|12|fifty|book|mean|consensus|average|200|50|stated|net|one|year|highest
          |lowest|top|bottom)))
    | (?P<near>(?:near|close\sto|not\sfar\s(?:below|from|above|off)|within\ssight\sof|within\s(?:reach
      |touching\sdistance)\sof)(?=\s(?:its|their|the|a)\s(?:52|12|fifty|one|year)))
    | (?P<same>equal(?:s|led|ed)?(?:\sto)?|match(?:es|ed|ing)?|in\sline\swith|on\s(?:a\s)?par\swith|identical\sto
        |level\swith|(?:back|return(?:s|ed|ing))\s(?:at|to|on)(?=\s(?:its|the|their)\s(?:fy|20\d\d|level|old|former|previous))
        |the\ssame\s(?:\w+\s)?as|no\sdifferent\s(?:from|to)|equivalent\sto|mirrors?)
    )(?!\w)
    """,
    re.VERBOSE,
)
# How often one covers the other is a stronger statement than that it does.
TIMES = re.compile(
    r"s?\s(?:(?:by|about|around|only|just|roughly|nearly|almost|more|less|than|over|some|a|at|least|well|close"
    r"|to|under|no"
    r"|barely|approximately)\s)*(?:[\d.]+\s?(?:x|times)|twice|\w+\s(?:times|fold)|\w+fold|\w+ and a half times"
    r"|\d+\s?fold|half)"
)
DENIED = re.compile(
    r"\b(?:not|never|no longer|hardly|cannot|can't|\w+n't|neither|nor|no|nowhere near|far from|without"
    r"|(?:is|are|has|have) yet to"
    r"|stops? short of"
    r"|by no means|anything but)"
    r"\s+(?:(?:yet|currently|quite|even|be|been|have|has|had|any|a|an|in fact|fully|is|are|was|were|stand|trade|its"
    r"|actually|the|much|trading|standing|carry|hold|report|having|being|earn|offer|show|sit|at|on"
    r"|generate)\s+){0,3}$"
)
_PACE = (
    r"(?:(?P<more>faster|quicker|more quickly|more rapidly|more strongly|more briskly|more sharply|more steeply|more)"
    r"|(?P<less>slower|more slowly|less quickly|less rapidly|more gradually|less strongly"
    r"|less sharply|less steeply|less))"
)
FASTER = re.compile(
    r"\b(?:gr[eo]w(?:s|n|ing)?|expand(?:s|ed|ing)?|ris(?:es?|ing|en)|rose|increas(?:es?|ed|ing)|climb(?:s|ed|ing)?"
    r"|advanc(?:es?|ed|ing)|shr[aiu]nk(?:s|ing)?|declin(?:es?|ed|ing)|f[ae]ll(?:s|ing|en)?|fell|contract(?:s|ed|ing)?"
    r"|dropp?(?:s|ed|ing)?)"
    rf"(?:,?\s(?:(?!than\b)[\w.%']+,?\s){{0,6}}?){_PACE}(?:\s(?:at|in|for)\s(?:[\w']+\s){{1,3}}?|\s)than(?!\w)"
)
SHRINKING = re.compile(r"shr|decl|f[ae]ll|contr|drop")
EARNS = re.compile(
    r"\b(?P<verb>earns?|earned|makes|made|owes?|owed|borrows?|sells?|sold|turns? over|is worth|employs?|yields?"
    r"|pays|carries|holds)\s(?:\w+\s){0,2}?"
    r"(?:(?P<more>more)|(?P<less>less|fewer))\s(?:money\s|profit\s)?(?:(?:in|for"
    r"|during)\s(?:the\s)?(?:[\w']+\s){1,3}?)?than(?!\w)"
)
EARNS_MOST = re.compile(
    r"\b(earns?|earned|makes|made|owes?|owed|borrows?|sells?|sold|employs?|yields?|pays|holds?)\s(?:by far\s)?the\s$"
)
# `sells twice as much as ALFA`, `is worth four times as much as BETA`.
EARNS_TIMES = re.compile(
    r"\b(earn(?:s|ed)|mak(?:es)|made|ow(?:es|ed)|borrow(?:s|ed)|sells|sold|turns over|is worth|is valued at|employs"
    r"|holds)\s"
    r"(?:(?:about|around|roughly|nearly|almost|more|less|than|over|some|well|just|at|least|only|under|close|to)\s)*$"
)
EARNS_WHAT = (
    (r"earn|make|made", frozenset({"Net income"})),
    (r"owe|borrow|carries", frozenset({"Total debt"})),
    (r"sell|sold|turn", frozenset({"Revenue"})),
    (r"is (?:worth|valued)", frozenset({"Market capitalisation"})),
    (r"employ", frozenset({"Employees"})),
    (r"yield|pays", frozenset({"Dividend yield"})),
    (r"hold", frozenset({"Cash"})),
)
PASSIVE = re.compile(r"\b(?:is|are|was|were)\s(?:(?!not\b)\w+\s){0,2}?(?:covered|exceeded|funded)\s")
NEVER_THAN = re.compile(
    r"\b(?:never|at no (?:point|time)|in no (?:other )?(?:year|quarter)|not once)\b[^,;]{0,60}?"
    r"\b(?:(?P<more>higher|larger|greater|more|bigger|better)|(?P<less>lower|smaller|less|worse))\b[^,;]{0,30}?\bthan\b"
)
CLOSER = re.compile(r"\b(?:closer|nearer)\s(?:to\s)?")
THAN_SIDE = re.compile(
    r"[^;]{0,40}?\sthan\s(?:it\sis\s)?(?:to\s)?(?:its\s|the\s)?(?:(?P<side>high|low|top"
    r"|bottom|peak|trough)(?=[\s.,;]|$))?"
)
_GOES = (
    r"(?! (?:cover|repay|pay|retire|fund|meet|settle|service|clear|extinguish|finance|(?:not "
    r"|still |easily |more than |just |barely )*(?:be (?:enough|sufficient|able|insufficient"
    r"|too)|suffice|have (?:enough|cash|money))"
    r"|be (?:fully |easily |partly )?covered))"
)
UNREAL = re.compile(
    rf"\b(?:impl(?:y|ies|ying) a|promis\w+|will|would{_GOES}|may|might|should|if|unless|whether|expected to|likely to"
    r"|projected to|forecast to|aims? to|hopes? to"
    r"|(?:expects?|see|sees|forecasts?|predicts?|project|projects|anticipates?|assumes?)\b[^,;.]{0,40}\bto"
    r"|forecasting"
    rf"|were to|not since|must|need(?:s|ed)? to|seeks? to|tends? to|intends? to|could(?! not){_GOES})\b[^,;.]{{0,60}}$"
)
EXPECTED = re.compile(r"\b(?:expect\w*|forecast\w*|consensus|analysts?|project\w*|anticipat\w*|predict\w*)\b")

_VALUED = frozenset({"Trailing P/E", "Price to earnings", "Forward P/E", "Price to book", "Price to sales"})
_LEVERED = frozenset({"Debt to equity"})
_PROFIT = frozenset({"Net margin", "Operating margin", "Return on equity"})
_SIZE = frozenset({"Revenue", "Market capitalisation"})
# Default figures when only companies are named: (figures, whether the adjective means the greater).
OF_COMPANIES = {
    **dict.fromkeys(("larger", "bigger", "greater"), (_SIZE, True)),
    "smaller": (_SIZE, False),
    **dict.fromkeys(("more valuable", "worth more"), (frozenset({"Market capitalisation"}), True)),
    **dict.fromkeys(("less valuable", "worth less"), (frozenset({"Market capitalisation"}), False)),
    **dict.fromkeys(
        ("more expensive", "dearer", "pricier", "more highly valued", "more richly valued", "more highly rated"),
        (_VALUED, True),
    ),
    **dict.fromkeys(
        ("cheaper", "less expensive", "more cheaply valued", "less highly valued", "more modestly valued"),
        (_VALUED, False),
    ),
    "more profitable": (_PROFIT, True),
    "less profitable": (_PROFIT, False),
    **dict.fromkeys(
        (
            "more leveraged",
            "more geared",
            "more highly geared",
            "more indebted",
            "more highly leveraged",
            "more heavily indebted",
            "more heavily leveraged",
            "more heavily geared",
        ),
        (_LEVERED, True),
    ),
    **dict.fromkeys(
        (
            "less leveraged",
            "less geared",
            "less highly geared",
            "less indebted",
            "less highly leveraged",
            "less heavily indebted",
        ),
        (_LEVERED, False),
    ),
    "more volatile": (frozenset({"Beta"}), True),
    "less volatile": (frozenset({"Beta"}), False),
    **dict.fromkeys(("faster growing", "quicker growing"), (frozenset({"Revenue growth"}), True)),
    **dict.fromkeys(("slower growing",), (frozenset({"Revenue growth"}), False)),
    **dict.fromkeys(("more generous", "higher yielding"), (frozenset({"Dividend yield"}), True)),
    **dict.fromkeys(("less generous", "lower yielding"), (frozenset({"Dividend yield"}), False)),
}
COMPANY = re.compile(
    rf"\b(?P<how>{'|'.join(sorted(OF_COMPANIES, key=len, reverse=True))})(?:\s(?:company|bank|business|peer"
    rf"|miner|stock|share|name))?"
    rf"(?:,?\s(?:by|on|in\sterms\sof|measured\sby|judged\sby|as\smeasured\sby|(?P<ratio>relative\sto|in\srelation\sto))"
    rf"\s(?P<by>(?:(?!than\b)[\w/']+\s?){{1,4}}?),?)?\s{THAN}(?!\w)"
)
VALUATION = _VALUED
BY_NAME = re.compile(
    r"'?s?,?\s(?:by|on|in terms of|measured by|in|as measured by|when measured by|judged by"
    r"|for)\s(?:the\s|its\s)?"
)
AND = re.compile(r"(?:'s)?(?:,?\s(?:and|or|as well as)\s|,\s)")
BOTH = re.compile(r"\s(?:that of |those of |either of |of )?(?:both|either)\s")
BURNING = re.compile(
    r"\b(?:burn(?:s|ed|t|ing)?|consum(?:es?|ed|ing)|us(?:es|ed|ing)(?: up)?|eat(?:s|ing)|go(?:es|ing)? through)\s$"
)
MUCH = re.compile(r"\b(?:far|much|slightly|considerably|somewhat|markedly|significantly|marginally)\s$")
ONLY_PART = re.compile(r"s?\s(?:(?:only|just|merely)\s)?(?:a\s)?(?:small\s)?(?:part|fraction|portion)\sof\s")
IN_PART = re.compile(r"s?\s(?:only |just |merely )?(?:in part|partly|partially|to a (?:small |limited )?extent)\b")
TO_EQUITY = re.compile(
    r"s?\s(?:relative|compared|in relation|in proportion)\sto\s(?:its\s)?(?:own\s)?(?:\w+\s)?(?:equity"
    r"|book value|capital)(?!\w)"
)
PER_SALES = re.compile(
    r"\b(?:earn\w*|mak\w+|made|keep\w*|kept)\s(?:more|less)\s(?:profit\s)?on\s(?:its\s)?(?:sales|revenues?)$"
)
