"""Patterns for the states of a company, and the figures that decide each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_DEBT = (
    r"(?:(?:net|outstanding|financial|gross|interest bearing|long term|bank|external|meaningful)\s)*"
    r"(?:debts?|borrowings?|leverage|indebtedness|gearing)"
)
_NOT_DEBT = (
    r"(?!\s(?:to\s|maturit|covenant|due|issue|problem|market|fund|holder|service|financ|capacity|matur|free"
    r"|load\sproblem|been\b|ever\b))"
)
IS = (
    r"(?:is|are|was|were|be|been|being|remain(?:s|ed|ing)?|stay(?:s|ed|ing)?|turn(?:s|ed|ing)?|became"
    r"|becom(?:es?|ing)"
    r"|went|runs?|ran|swung|sits?|stands?|stood|looks?)"
)
ADVERB = (
    r"(?:still|again|now|comfortably|solidly|highly|consistently|deeply|firmly|also|already|heavily|both|only\sjust"
    r"|barely|marginally|currently|once\sagain)"
)
_PAY = r"(?:pay|pays|paid|paying|distribut\w+|offer(?:s|ed)?|return(?:s|ed)?|hand(?:s|ed)?\sout|declar\w+)"
_REPORT = (
    r"(?:post|report|record|incur|book|suffer|make|made|ran|run|show|deliver|generat|produc|swung\sto"
    r"|slip\w*\s(?:in)?to"
    r"|fell\s(?:in)?to|sank\s(?:in)?to|turn\w*\sin|ended\s\w+\swith|ended\swith|lapsed\sinto|fall\w*\sinto"
    r"|moved\s(?:in)?to|tipped\sinto)(?:s|ed|ting|ing|ning|d)?"
)
_PART = r"(?:(?:net|annual|heavy|small|full\syear|sizeable|modest|bottom\sline|large|first|further|deep)\s)*"


@dataclass(frozen=True, slots=True)
class State:
    """A pattern for a state: `holds` is applied to the first of `names` that is known."""

    names: tuple[str, ...]
    holds: Callable[[float], bool]


def _zero(value: float) -> bool:
    return value == 0


def _some(value: float) -> bool:
    return value > 0


def _loss(value: float) -> bool:
    return value < 0


def _none(value: float) -> bool:
    return value <= 0


_PAYS = ("Dividends", "Dividend per share", "Dividend yield", "Payout ratio")
_EARNS = ("Net income", "Earnings per share", "Net margin")
STATES: Sequence[tuple[str, State]] = (
    (
        rf"(?<!only\s)\b(?:no|zero|without(?:\sany)?|free\sof(?:\s(?:all|any))?|nil"
        rf"|(?<=\s)neither)\s{_DEBT}\b{_NOT_DEBT}|\bdebt\sfree\b|\bunlevered\b|\bungeared\b|\bunleveraged\b"
        rf"|\b(?:eliminated|extinguished|repaid|retired|cleared|paid\soff|wiped\sout)\s(?:all|every\slast\scent"
        rf"|the\swhole|the\slast)\s(?:of\s)?(?:its\s)?{_DEBT}\b"
        rf"|\bowes\snothing\b|\bnot\sa\s(?:cent|penny|dollar|single\s\w+|yen|euro|pound)\sof\s{_DEBT}"
        rf"|\b{_DEBT}\s(?:is|stands\sat|was|stood\sat|of)\s(?:zero|nil|nothing)\b"
        rf"|\b(?:has|have|carries)\snot\s(?:borrowed|taken\son\sdebt)\b|\bfree\sfrom\s{_DEBT}\b|\b{_DEBT}\s(?:is"
        rf"|are|was|were)\s(?:absent|non\s?existent)\b",
        State(("Total debt", "Debt to equity"), _zero),
    ),
    (
        rf"\b(?:carr(?:y|ies)|services|has|have|holds?|uses?|bears?|taken?s?\son|does\shave|does\scarry|runs?\swith"
        rf"|operates?\swith|finances?\s\w+\swith)\s(?:(?!no\b|rid\b|shed\b|\w+ed\b|free\b|zero\b|nil\b|little\b|more\b|less\b"
        rf"|neither\b|not\b|without\b|negative\b|twice\b|lower\b|higher\b|lowest\b|highest\b|least\b|most\b"
        rf"|smallest\b|largest\b|fewest\b|heaviest\b|enough\b|paid\b|repaid\b|reduced\b"
        rf"|cut\b)\w+\s){{0,5}}?{_DEBT}\b{_NOT_DEBT}"
        rf"|\bin\sdebt\b|\bindebted\b|\b{_DEBT}\soutstanding\b|\bhas\s(?:borrowed|lenders)\b",
        State(("Total debt", "Debt to equity"), _some),
    ),
    (
        rf"\b{_DEBT}\s(?:still\s|also\s|yet\s)?(?:sits?|sat|remain(?:s|ed)?|stay(?:s|ed)?|linger(?:s"
        rf"|ed)?|appear(?:s|ed)?|rest(?:s|ed)?|weigh(?:s|ed)?|is|are|was"
        rf"|were)\s(?:still\s)?(?:on\s(?:\S+\s)?(?:the\s|its\s|\S+'s\s)?(?:balance\ssheet|books)"
        rf"|outstanding|to\sbe\srepaid)\b"
        rf"|\bthere\s(?:is|are|remains?)\s(?:still\s|some\s|also\s)*{_DEBT}\s(?:on|left|outstanding)\b"
        r"|\b(?:lenders|creditors|bondholders|banks)\s(?:are|is)\s(?:still\s)?owed\b",
        State(("Total debt", "Debt to equity"), _some),
    ),
    (
        r"\b(?:no|zero|nil|without(?:\s(?:any|a|paying\sa|paying\sany))?|(?<=\s)neither)\s(?:cash\s|regular\s|annual\s"
        r"|ordinary\s)?dividends?\b(?!\s(?:cut|growth|increase|cover|tax|policy))"
        r"|\bnon\sdividend\spaying\b|\bpays?\s(?:out\s)?(?:(?:share)?holders\s|owners\s|investors\s)?nothing\b"
        r"|\bretains?\sall\s(?:of\s)?its\s(?:earnings|profits?)\b|\bdividends?\s(?:is|are|was|were)\s(?:zero|nil"
        r"|absent)\b"
        r"|\b(?:omit\w*|skipp?\w*|passe[sd]|scrapp?\w*|suspend\w*|eliminat\w+|abolish\w*|cancel\w*"
        r"|axe[ds]?|abandon\w*|dropped"
        r"|discontinu\w+|halted|stopped(?:\spaying)?|ended|ceased(?:\spaying)?|did\saway\swith"
        r"|withheld)\s(?:the|its|all|a|any)"
        r"\s(?:\w+\s)?dividends?(?:\spayments?)?\b"
        r"|\bdividends?(?:\spayments?)?\s(?:has\sbeen|have\sbeen|was|were|is|are"
        r"|remains?)\s(?:\w+\s)?(?:omitted|skipped"
        r"|passed|scrapped|suspended|eliminated|abolished|cancell?ed|axed|abandoned|discontinued"
        r"|halted|stopped|withheld)\b"
        r"|\b(?:went|go|goes|left)\s(?:\w+\s)?without\sa\sdividend\b|\bempty\shanded\b",
        State(_PAYS, _zero),
    ),
    (
        rf"\b(?:{_PAY}|makes?|made|making|rewards?\s(?:its\s|the\s)?\w+\swith)\s(?:(?!no\b|nothing\b"
        rf"|neither\b)\w+\s){{0,5}}dividends?\b(?!\s(?:cut"
        rf"|cover))|\bdividend\s(?:payer|paying)\b|\bdividends?\s(?:is|are|was|were)\s(?:being\s)?(?:paid"
        rf"|distributed)\b|\bincome\spaying\b"
        r"|\bshareholders\s(?:receive|received|get|got|collect(?:ed)?)\s(?:a\s|cash\s)*dividends?\b",
        State(_PAYS, _some),
    ),
    (
        r"\b(?:no|without(?:\sany)?|zero|free\sof)\s(?:net\s)?loss(?:es)?\s(?:was|were|is|are|has"
        r"|have|had|appears?|shows?|in|at|to)\b(?!\smaking)"
        r"|\b(?:report|show|post|have|had|see|saw|deliver|record|book|manage"
        r"|ma[dk]e)\w*\sa\s(?:\w+\s)?profitable\s(?:year|quarter)\b"
        rf"|\b{IS}\s(?:{ADVERB}\s)*profitable\b(?!\s(?:than|quarter|year))|\b(?:turn|earn|made|mak|report|post"
        rf"|record|book|deliver|generat|achiev)(?:s|ed|es|e|ing)?\s(?:in\s|into\s)?an?\s{_PART}profit\b"
        rf"|\bin(?:to)?\sthe\sblack\b|\bout\sof\s(?:the\sred|(?:a\s|its\s)?loss(?:es)?)\b"
        rf"|\bthere\s(?:is|was|has\sbeen|were)\sa\s{_PART}profit\b|\bprofits?\s(?:was|were)\s(?:recorded"
        rf"|reported|posted|made)\b"
        r"|\bmak(?:es?|ing)\smoney\b|\bmade\smoney\b|\bin\sprofit\b|\bearns?\smoney\b|\b(?:returned|return|back"
        r"|returning)\sto\s(?:the\sblack|profit(?:ability)?)\b|\bpositive\s(?:earnings|net\sresult|bottom\sline)\b",
        State(_EARNS, _some),
    ),
    (
        r"\bwithout\s(?:any|a)\s(?:\w+\s)?profit\b|\bno\s(?:net\s)?profits?\s(?:was|were|is|to|in"
        r"|at)\b|\bended?\sin\sloss\b"
        rf"|\bthere\s(?:is|was|has\sbeen|were)\sa\s{_PART}loss\b|\b(?:anything\sbut|far\sfrom)\sprofitable\b(?!\sthan)"
        r"|\bloss(?:es)?\s(?:was|were|has\sbeen)\s(?:recorded|reported|posted|made|incurred|booked|registered"
        r"|suffered)\b"
        rf"|\bunprofitable\b|\bloss\smak(?:ing|er)\b|\bin(?:to)?\sthe\sred\b|\bl(?:os(?:es?|ing)|ost)\smoney\b"
        rf"|\b{_REPORT}\s(?:an?\s|its\s|the\s)?{_PART}(?:loss|losses)\b(?!\sof\s(?:market|share|confidence))"
        rf"|\b(?:with|at|into|from)\sa\s{_PART}loss\b(?!\sof\s(?:market|share|confidence))"
        rf"|\bnegative\s(?:earnings|net\sresult|bottom\sline)\b|\bnot\syet\sprofitable\b",
        State(_EARNS, _loss),
    ),
    (
        rf"\b{_REPORT}\s(?:an?\s)?operating\s(?:loss|losses)\b|\bwith\san\soperating\sloss\b"
        r"|\bloss\smaking\sat\sthe\soperating\slevel\b|\boperating\s(?:in\sthe\sred|at\sa\sloss)\b",
        State(("Operating income",), _loss),
    ),
    (
        rf"\b(?:{_REPORT}|earn\w*|achiev\w+"
        rf"|yield\w*)\s(?:an?\s|any\s)?(?:\w+\s)?operating\sprofits?\b(?!\s(?:of|margin|growth))"
        r"|\bprofitable\sat\sthe\soperating\slevel\b",
        State(("Operating income",), _some),
    ),
    (r"\bpays?\sout\smore\sthan\s(?:it|the\s\w+)\searns\b", State(("Payout ratio",), lambda ratio: ratio > 1)),
    (
        r"\bpays?\sout\sless\sthan\s(?:it|the\s\w+)\searns\b"
        r"|\bearns\smore\sthan\sit\spays\sout\b",
        State(("Payout ratio",), lambda ratio: ratio < 1),
    ),
    (r"\bowes\smore\sthan\sit\sowns\b", State(("Equity",), _loss)),
    (
        r"\bburn(?:s|ed|t|ing)?\s(?:through\s)?(?:(?:its|some|more|much)\s)?cash\b|\bcash\s(?:burn(?:ing)?|drain"
        r"|consuming|consumptive|guzzling)\b|\bconsum(?:es?|ed|ing)\scash\b|\b(?:generat\w+|produc\w+|has|had"
        r"|with)\sno\sfree\scash(?:\sflow)?\b"
        r"|\bno\spositive\sfree\scash\sflow\b|\bcash\soutflow\b",
        State(("Free cash flow", "Operating cash flow"), _none),
    ),
    (
        r"\bcash\s(?:generative|flow\spositive|producing)\b|\bself\s(?:funding|funded|financing)\b"
        r"|\bgenerat(?:es?|ed|ing)\s(?:(?:positive|ample|plenty\sof|healthy|free|solid|strong)\s)+cash\b(?!\sflow)"
        r"|\bfree\scash\sflow\spositive\b|\bgenerat(?:es?|ed|ing)\s(?:(?:positive|ample|healthy|solid"
        r"|strong)\s)*free\scash\sflow\b",
        State(("Free cash flow", "Operating cash flow"), _some),
    ),
    (
        r"\b(?:in|into|in\sto|to|a|its|with|has|have|holds?|had|held|of|shows?|sits?\son|enjoys?|boasts?|from"
        r"|hold)\s(?:a\s|comfortable\s|solid\s|small\s|large\s)*net\scash\b(?!\s(?:flow|from|used|provided"
        r"|generated|inflow|outflow|shrank|fell|rose|grew))"
        r"|\bis\snet\scash\b|\bmore\sthan\scovers?\sits\s(?:debt|borrowings)\swith\scash\b|\bno\snet\s(?:debt"
        r"|borrowings)\b|\bnegative\snet\sdebt\b|\bnet\scash\sposition\b",
        State(("Net debt",), _none),
    ),
    (
        r"\b(?:in|into|to|a|its|with|has|have|carr(?:y|ies)|had|from|runs?|shows?|still|remains?|holds?)\s(?:a\s"
        r"|some\s|heavy\s|modest\s)*net\sdebt(?!\s(?:to|of\szero|to\sebitda|free))\b|\bnet\sdebt\sposition\b"
        r"|\bnet\s(?:debtor|borrower)\b",
        State(("Net debt",), _some),
    ),
    (
        r"\bnegative\s(?:shareholders'?\s|book\s|stockholders'?\s|owners'?\s)?equity\b|\bequity\sdeficit\b"
        r"|\btechnically\sinsolvent\b",
        State(("Equity",), _loss),
    ),
    (r"\bpositive\s(?:shareholders'?\s|book\s|stockholders'?\s)?equity\b", State(("Equity",), _some)),
    (
        r"\bpre\srevenue\b|\b(?:not|n't|yet\sto|never)\s(?:yet\s)?(?:have|has|had|generat\w+|earn\w*"
        r"|book\w*|record\w*|report\w*"
        r"|produc\w+|make|made|bring\w*|take|taken|see|seen)\s(?:in\s)?(?:any|a\s\w+\sof|its\sfirst"
        r"|a\ssingle\s\w+\sof)\s(?:revenues?|sales)\b"
        r"|\b(?:no|zero|without(?:\sany)?)\s(?:revenues?|sales|turnover)(?!\s(?:growth|decline"
        r"|team|force|guidance|forecast))\b",
        State(("Revenue",), _zero),
    ),
    (
        r"\bmore\svolatile\sthan\sthe\s(?:\w+\s)?market\b|\bhigh\sbeta\b|\b(?:moves?|swings?"
        r"|fluctuat\w+)\s(?:more|further)\s(?:\w+\s)?than\sthe\s(?:\w+\s)?market\b"
        r"|\bamplif\w+\s(?:the\s)?market(?:'s)?\s(?:moves|swings)\b",
        State(("Beta",), lambda beta: beta > 1),
    ),
    (
        r"\bless\svolatile\sthan\sthe\s(?:\w+\s)?market\b|\blow\sbeta\b|\b(?:moves?|swings?"
        r"|fluctuat\w+)\sless\s(?:\w+\s)?than\sthe\s(?:\w+\s)?market\b",
        State(("Beta",), lambda beta: beta < 1),
    ),
    (
        r"\b(?:impl(?:y|ies|ying)|point(?:s|ing)?\sto|suggest(?:s|ing)?|offers?|leaves?|leaving|see)\s(?:(?:some"
        r"|a|an|further|modest|limited|ample|clear|potential|no\smore\sthan|about|\d[\d.]*%(?:\sof)?)\s)*upside\b",
        State(("Change to the mean analyst target",), _some),
    ),
    (
        r"\b(?:impl(?:y|ies|ying)|point(?:s|ing)?\sto|suggest(?:s|ing)?|leaves?|leaving|see)\s(?:(?:some|a|an"
        r"|further|modest|limited|clear|potential|about|\d[\d.]*%(?:\sof)?)\s)*downside\b",
        State(("Change to the mean analyst target",), _loss),
    ),
)
PATTERNS = [(re.compile(pattern), state) for pattern, state in STATES]
DENY = re.compile(
    r"\b(?:not|never|no longer|hardly|cannot|\w+n't|far from|yet to|nowhere near|anything but|stopped|ceased|nor"
    r"|no|without|neither|failed to|fails to|avoided|avoids|escaped|rather than|instead of|not once"
    r"|at no (?:point|time))"
    r"\s+(?:(?!but\b|and\b|while\b|because\b|makes?\b|leaves?\b|gives?\b)\w+\s+){0,4}$"
)
NEVER = re.compile(
    r"^(?:not once|(?:in )?none of (?:the|its) (?:\w+ )*(?:quarters|years)|not one"
    r"|not a single (?:\w+ )?(?:year|quarter)|no (?:\w+ )?(?:year|quarter)|none of"
    r"|in none of|not in any|at no (?:point|time)|never|in no (?:year|quarter))\b"
)
EVER = re.compile(r"\b(?:never|not once|at no (?:point|time))\b")
OVER = re.compile(
    r"\b(?:each|every|any|all|either|both)\b[^,;]{0,30}\b(?:years?|quarters?)\b|\bconsistently\b|\bthroughout\b"
    r"|\b(?:not (?:a single|one)|no) (?:\w+ )?(?:year|quarter)\b|\bnone of (?:the"
    r"|its) (?:\w+ )*(?:years|quarters)\b|\bin the (?:\w+ )?years (?:shown|covered|on record|under review|supplied"
    r"|reported|listed|available|here)\b|\banywhere in\b"
    r"|\b(?:two|three|four|multi) year (?:record|history|period|span)\b"
    r"|\bin the past (?:two|three|four"
    r"|\d) years\b|\bnot once\b"
)
