"""States put differently from those of `states`: `rid itself of all debt`, `a profit gave way to a loss`, `no cash`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ert_backend.grounding.claims.words.states import State

_DEBT = r"(?:(?:net|outstanding|financial|gross|long term|bank|remaining)\s)*(?:debts?|borrowings?|loans?)"
_CLEARED = (
    r"(?:repaid|repaying|paid\soff|paying\soff|paid\sback|cleared|clearing|retired|retiring|eliminated|extinguished"
    r"|redeemed|discharged|wiped\sout|settled)"
)
_A = r"(?:an?\s|the\s)?(?:(?:net|full\syear|annual|small|modest|large|heavy|deep|sizeable|slight|healthy)\s)*"
_WENT = (
    r"(?:clos(?:e|ed|es|ing)|finish(?:es|ed|ing)?|conclud(?:e|ed|es|ing)|wound\sup|wrapped\sup|came\sout|end(?:ed|s)?)"
)
_TURNED = (
    r"(?:gave\sway\sto|giving\sway\sto|turned\s(?:in)?to|turning\s(?:in)?to|became|was\sfollowed\sby|flipped\s(?:in)?to"
    r"|swung\s(?:in)?to|changed\sinto|reversed\sinto|was\sreplaced\sby)"
)
_PROFIT = r"(?:profits?|net\sincome|net\sprofits?)(?!\s(?:margin|growth|warning))"
_LOSS = r"(?:loss|losses|net\sloss|deficit)"
_EARNS = ("Net income", "Earnings per share", "Net margin")
_PAYS = ("Dividends", "Dividend per share", "Dividend yield", "Payout ratio")

_IS = r"(?:of|stands\sat|stood\sat|amounts\sto|amounted\sto|comes\sto|came\sto|was|is)"
IDIOMS: Sequence[tuple[re.Pattern[str], State]] = [
    (re.compile(pattern), State(names, holds))
    for pattern, names, holds in (
        (
            rf"\brid\s(?:itself\s)?of\s(?:all\s|the\slast\sof\s)?(?:its\s|the\s)?{_DEBT}\b"
            rf"|\b{_CLEARED}\s(?:(?:its|the|all|any)\s)*(?:remaining|last\sof\sits|last\sof\sthe|last)\s{_DEBT}\b"
            rf"|\b{_CLEARED}\s(?:its\s|the\s)?{_DEBT}\s(?:in\sfull|completely|entirely|to\szero)"
            rf"|\b(?:fully|completely|entirely)\s{_CLEARED}\s(?:its\s|the\s|all\s)*{_DEBT}\b"
            rf"|\b(?:last|remainder|rest)\sof\s(?:its\s|the\s)?{_DEBT}\s(?:was|were|has\sbeen|had\sbeen)\s{_CLEARED}"
            rf"|\b{_DEBT}\s(?:was|were|has\sbeen|had\sbeen)\s(?:fully|completely|entirely)\s{_CLEARED}"
            rf"|\b{_DEBT}\s(?:was|were|has\sbeen|had\sbeen)\s{_CLEARED}\s(?:in\sfull|completely|entirely)"
            rf"|\bdevoid\sof\s(?:any\s)?{_DEBT}\b|\bwithout\sa\s(?:penny|cent|euro|dollar|pound)\sof\s(?:borrowed\smoney|{_DEBT})\b"
            r"|\bno\slonger\sowes\s(?:anyone|anybody|a\s\w+|anything)\b"
            rf"|\bunencumbered\sby\s(?:any\s)?{_DEBT}\b|\bow(?:ing|es|ed)\s(?:its\s)?(?:lenders|creditors|banks)\snothing\b"
            r"|\bnothing\s(?:is\s|was\s)?owed\sto\s(?:its\s|the\s)?(?:lenders|creditors|banks)\b"
            rf"|\bnothing\sis\sowed\b|\bfinanced\s(?:entirely|wholly|solely)\s(?:by|with|through)\sequity\b",
            ("Total debt", "Debt to equity"),
            lambda value: value == 0,
        ),
        (
            rf"\bstill\s(?:owes|has\s(?:some\s)?{_DEBT}\sto\srepay)\b|\bhas\snot\s(?:yet\s)?{_CLEARED}\s(?:its\s|all\s|the\s)*{_DEBT}\b",
            ("Total debt", "Debt to equity"),
            lambda value: value > 0,
        ),
        (
            r"\b(?:has|holds|had|held|with|carries)\s(?:no|zero|nil)\scash\b(?!\sflow)|\bwithout\s(?:any\s)?cash\b(?!\sflow)",
            ("Cash",),
            lambda value: value == 0,
        ),
        (
            r"\b(?:no|zero|nil)\sinterest(?:\s(?:expense|costs?|charges?|payments?|bill))?\s(?:was|were|is|are|to|has|had|fell)\b"
            r"|\b(?:paid|pays|had|has|bears|bore|incurred|incurs)\s(?:no|zero)\sinterest\b(?!\s(?:in|rate))",
            ("Interest expense",),
            lambda value: value == 0,
        ),
        (
            rf"\bfrom\s{_A}{_PROFIT}\b[^,;]{{0,40}}?\s(?:in)?to\s{_A}{_LOSS}\b"
            r"|\bloss(?:es)?\s(?:occurred|arose|came|appeared|(?:was|were)\s(?:seen|incurred|booked|made|recorded))\s(?=in\s)"
            rf"|\b{_PROFIT}\b[^,;]{{0,30}}?\s{_TURNED}\s{_A}{_LOSS}\b"
            rf"|\b{_WENT}\s(?:the\syear\s|the\squarter\s|fy\s?20\d\d\s|20\d\d\s|out\s)?(?:with|at|in)\s{_A}{_LOSS}\b"
            r"|\b(?:slid|fell|dropped|sank|slipped|tipped)\s(?:back\s)?into\s(?:a\s|the\s)?(?:loss|red|losses)\b"
            r"|\bbottom\sline\s(?:was|is|turned|went|came\sout|remained|stayed)\s(?:negative|in\sthe\sred|red)\b"
            r"|\b(?:did|does|do)\snot\s(?:earn|make|turn|post|report)\s(?:a\s)?(?:net\s)?(?:profit|money)\b",
            _EARNS,
            lambda value: value < 0,
        ),
        (
            rf"\bfrom\s{_A}{_LOSS}\b[^,;]{{0,40}}?\s(?:in)?to\s{_A}{_PROFIT}\b"
            rf"|\b{_LOSS}\b[^,;]{{0,30}}?\s{_TURNED}\s{_A}{_PROFIT}\b"
            rf"|\b{_WENT}\s(?:the\syear\s|the\squarter\s|fy\s?20\d\d\s|20\d\d\s|out\s)?(?:with|at|in)\s{_A}{_PROFIT}\b"
            r"|\blosses\s(?:are|were)\s(?:a\sthing\sof\sthe\spast|history|over|behind\s(?:it|the\s\w+))"
            r"|\b(?:cross(?:es|ed)|moved|broke|edged)\s(?:back\s)?(?:in)?to\s(?:net\s)?profit\b"
            r"|\bbottom\sline\s(?:was|is|turned|went|came\sout|remained|stayed)\s(?:positive|in\sthe\sblack|black)\b",
            _EARNS,
            lambda value: value > 0,
        ),
        (
            r"\b(?:share|stock)holders\s(?:(?:have|had|were|are)\s)?(?:went|gone|go|left|received|receive|get|got)"
            r"\s(?:\w+\s)?(?:without\s(?:a\s|any\s)?(?:dividend|payout|distribution)|nothing|no\sdividend)\b"
            r"|\b(?:returns|returned|distributes|distributed|hands\sout|handed\sout|pays\sout|paid\sout)\snothing\b"
            r"|\bno\s(?:distribution|payout)s?\s(?:was|were|is|are|has\sbeen)\b"
            r"|\bno\scash\s(?:left|was\sreturned|went|was\spaid|flowed)\b[^,;]{0,40}\s(?:dividends?|distributions?)\b"
            r"|\bnothing\s(?:was|is|were|has\sbeen)\s(?:distributed|paid\sout|handed\sout|returned)\b"
            r"|\babstain\w*\sfrom\s(?:any|all|making|paying)\s(?:\w+\s)?(?:distribution|dividend|payout)s?\b",
            _PAYS,
            lambda value: value == 0,
        ),
        (
            rf"(?:^|;\s)net\sdebt\s{_IS}\s(?:about\s|roughly\s|some\s)?(?=[^a-z]|usd|eur|gbp|chf|cad|jpy)",
            ("Net debt",),
            lambda value: value > 0,
        ),
        (
            r"\b(?:no|zero|without(?:\sany)?)\s(?:revenue\s|sales\s|top\sline\s)?growth(?=[.,;\s]*(?:$|in\b|at\sall|during|for\b|over\b))",
            ("Revenue growth",),
            lambda value: value <= 0.005,
        ),
    )
]
