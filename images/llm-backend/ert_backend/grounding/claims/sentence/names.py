"""Names of figures and companies, in addition to those of `phrases` and `vocabulary`.

A phrase that is not a known figure (`cost of debt`, `sales force`) is listed so that the name in it is not matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.labels import alternatives

_MARGINS = frozenset({"Gross margin", "Operating margin", "Net margin", "EBITDA margin", "Free cash flow margin"})
_MULTIPLES = frozenset(
    {"Trailing P/E", "Forward P/E", "Price to earnings", "Price to sales", "Price to book", "EV to EBITDA"}
    | {"EV to revenue"}
)
_NOTHING: frozenset[str] = frozenset()
_GROUPS: Mapping[str, frozenset[str]] = {
    "earnings;profit;profits;annual profit;net result;after tax profit;profit after tax": frozenset({"Net income"}),
    "per share earnings;earnings per share;profit per share;net profit per share;net income per share"
    ";eps;trailing eps;trailing earnings per share": frozenset({"Earnings per share"}),
    "forward eps;expected eps;forward earnings per share;expected earnings per share": frozenset(
        {"Forward earnings per share"}
    ),
    "current assets;short term assets;liquid assets": frozenset({"Current assets"}),
    "current liabilities;short term liabilities;short term obligations;near term obligations"
    ";near term liabilities;short term debts": frozenset({"Current liabilities"}),
    "equity;shareholders' equity;stockholders' equity;shareholder equity;book equity;net assets;shareholders equity"
    ";owners' equity": frozenset({"Equity"}),
    "book value;book value per share;book;net asset value;stated book value": frozenset(
        {"Book value per share", "Equity"}
    ),
    "net debt;debt less cash;debt minus cash;debt net of cash;borrowings less cash;borrowings minus cash"
    ";borrowings net of cash;net borrowings;net indebtedness": frozenset({"Net debt"}),
    "net cash;net cash position;cash less debt;cash minus debt;cash net of debt": frozenset({"Net cash"}),
    "debt;debts;total debt;borrowings;gross debt;interest bearing debt;financial debt"
    ";interest bearing borrowings;interest bearing liabilities;indebtedness;debt load;debt pile": frozenset(
        {"Total debt"}
    ),
    "cash;cash pile;cash balance;cash position;cash holdings;cash on hand;cash reserves;cash and equivalents"
    ";liquidity on hand;liquidity;liquid resources;liquid funds;cash resources;cash and cash equivalents"
    ";liquid means": frozenset({"Cash"}),
    "interest cover;interest coverage;interest coverage ratio;times interest earned;coverage": frozenset(
        {"Interest cover"}
    ),
    "dividend cover;dividend coverage;dividend cover by earnings;dividend coverage by earnings"
    ";cover of the dividend by earnings": frozenset({"Dividend cover"}),
    "net debt to ebitda;net debt/ebitda;net debt/ebitda ratio;net debt to ebitda ratio;net leverage": frozenset(
        {"Net debt to EBITDA"}
    ),
    "debt to ebitda;debt/ebitda;debt to ebitda ratio;debt/ebitda ratio;gross debt to ebitda;gross debt/ebitda"
    ";gross leverage"
    ";leverage (gross debt / ebitda)": frozenset({"Debt to EBITDA"}),
    "cash burn;free cash outflow;negative free cash flow;burn rate;cash outflow;rate of cash burn": frozenset(
        {"Free cash flow"}
    ),
    "finance cost;finance costs;finance charges;financing costs;financing charges;finance expense;finance expenses"
    ";interest burden;interest expense;interest cost;interest costs;interest bill;interest charge"
    ";interest charges;interest"
    ";interest payments;interest expenses": frozenset({"Interest expense"}),
    "dividends;dividend payment;dividend payments;dividends paid;dividend payout;dividend bill;distributions"
    ";shareholder distributions;distribution;dividend total;payouts": frozenset({"Dividends"}),
    "dividend": frozenset({"Dividends", "Dividend per share"}),
    "dividend per share;dividend rate": frozenset({"Dividend per share"}),
    "r&d;r&d spending;research and development;r&d expense;research spending;research and development expense"
    ";on research;research outlays;r&d costs;research and development spending;r&d budget"
    ";research and development costs": frozenset({"Research and development"}),
    "capital expenditure;capital expenditures;capex;capital spending": frozenset({"Capital expenditure"}),
    "share price;stock price;price;stock;shares;share;quote;current price;market price;quotation"
    ";current quotation": frozenset({"Share price"}),
    "52 week high;12 month high;52 week peak;one year high;yearly high;year high;52 weeks high": frozenset(
        {"52-week high"}
    ),
    "52 week low;12 month low;52 week trough;one year low;yearly low;year low": frozenset({"52-week low"}),
    "50 day;50 days;fifty day": frozenset({"50-day average"}),
    "50 day average;50 day moving average;fifty day average;50 day line;50 day mean": frozenset({"50-day average"}),
    "200 day average;200 day moving average;two hundred day average;200 day line;200 day mean": frozenset(
        {"200-day average"}
    ),
    "target;mean target;average target;consensus target;price target;mean price target;average price target"
    ";consensus price target;analyst target;analysts' target;analysts' mean target;target price;mean analyst target"
    ";mean target price;average analyst target;analysts' average target;analyst mean target;analyst consensus"
    ";average target price;consensus": frozenset({"Mean analyst target"}),
    "high target;highest target;highest price target;top target;most optimistic target;highest analyst target"
    ";top price target;most bullish target;street high target;high price target": frozenset({"Highest analyst target"}),
    "low target;lowest target;lowest price target;most pessimistic target;lowest analyst target;most bearish target"
    ";low price target;bottom target;street low target;most cautious target": frozenset({"Lowest analyst target"}),
    "valuation;multiple;multiples;valuation multiple;valuation multiples": _MULTIPLES,
    "trailing one;trailing figure": frozenset({"Trailing P/E", "Price to earnings", "Earnings per share"}),
    "forward one;forward figure": frozenset({"Forward P/E", "Forward earnings per share"}),
    "gross one": frozenset({"Gross margin"}),
    "operating one": frozenset({"Operating margin"}),
    "net one": frozenset({"Net margin"}),
    "growth": frozenset({"Revenue growth"}),
    "p/e;pe;p/e ratio;price to earnings;price to earnings ratio;price earnings ratio;earnings multiple;pe ratio"
    ";trailing p/e;trailing p/e ratio;trailing price to earnings ratio;trailing multiple;trailing pe"
    ";trailing earnings multiple;price/earnings ratio;p/e multiple": frozenset({"Trailing P/E", "Price to earnings"}),
    "forward p/e;forward p/e ratio;forward multiple;forward earnings multiple;forward price to earnings ratio"
    ";forward pe;forward price to earnings": frozenset({"Forward P/E"}),
    "ev/ebitda;ev/ebitda multiple;ev to ebitda": frozenset({"EV to EBITDA"}),
    "margin;margins": _MARGINS,
    "profitability": frozenset({"Net margin", "Return on equity", "Operating margin"}),
    "gross margin;gross margins": frozenset({"Gross margin"}),
    "operating margin;operating margins": frozenset({"Operating margin"}),
    "net margin;net margins;profit margin;profit margins;net profit margin": frozenset({"Net margin"}),
    "dividend yield;yield": frozenset({"Dividend yield"}),
    "payout ratio;dividend payout ratio": frozenset({"Payout ratio"}),
    "payout": frozenset({"Payout ratio", "Dividends"}),
    "leverage;debt to equity;debt to equity ratio;gearing;debt/equity ratio;d/e ratio;debt equity ratio": frozenset(
        {"Debt to equity"}
    ),
    "revenue growth;sales growth;growth in revenue;top line growth;growth in sales;revenue growth rate"
    ";rate of revenue growth": frozenset({"Revenue growth"}),
    "earnings growth;profit growth;net income growth;growth in earnings;growth in net income;growth in profit": (
        frozenset({"Earnings growth"})
    ),
    "revenues;sales;net sales;turnover;top line": frozenset({"Revenue"}),
    "employees;headcount;workforce;staff;people;workers": frozenset({"Employees"}),
    "enterprise value;ev": frozenset({"Enterprise value"}),
    "analysts;analyst;analyst opinions": frozenset({"Analyst opinions"}),
    "market cap;market value;market capitalisation;market capitalization;equity value;market worth": frozenset(
        {"Market capitalisation"}
    ),
    "ebit;operating result;operating profit;operating income;operating earnings;operating loss": frozenset(
        {"Operating income"}
    ),
    "net loss;loss;losses": frozenset({"Net income"}),
    "operating cash flow;operations brought in;operations generated;operations produced;operations yielded"
    ";cash from operations;cash flow from operations;operating cash;operating cash generation": (
        frozenset({"Operating cash flow"})
    ),
    "free cash flow;fcf;free cash": frozenset({"Free cash flow"}),
    "equity investors;equity holders;a share;per share;cost of debt"
    ";cost of capital;cost of equity;cost of sales;cost of revenue;cost of goods;debt service"
    ";debt maturities;debt market;debt markets;debt capacity;debt holders;sales force;sales team;sales channel"
    ";sales channels;cash cow;cash conversion;asset base;asset quality;asset management"
    ";asset manager;asset light;market share;price pressure;price increases;price competition;pricing;equity market"
    ";equity markets;stock market;stock exchange;interest rate;interest rates;price range;trading range;price cuts"
    ";people say;in the interest of;share of;at the expense of;price sensitive"
    ";share of voice;share gains;private equity;book a;book an;earnings call;earnings power;earnings report"
    ";three year high;two year high;four year high;three year low;two year low;four year low;earnings season"
    ";earnings quality;target market;target markets;well below what;free float;sales mix": _NOTHING,
}
_COSTS = {
    "interest": "Interest expense",
    "research": "Research and development",
    "r&d": "Research and development",
    "research and development": "Research and development",
}
_COST_WORDS = (
    "bill;cost;costs;outlay;outlays;spending;spend;budget;expense;expenses;charge;charges;expenditure;payments"
)
FIGURES: Mapping[str, frozenset[str]] = {
    **{f"{kind} {word}": frozenset({name}) for kind, name in _COSTS.items() for word in _COST_WORDS.split(";")},
    **{phrase: names for phrases, names in _GROUPS.items() for phrase in phrases.split(";")},
}
# Valid names for a number, but too vague to compare.
VAGUE = frozenset({"trades at", "trade at", "trading at", "valued at", "sale"})
_FORM = (
    r"(?:,?\s+(?:inc|incorporated|corp|corporation|plc|ltd|limited|llc|se|ag|sa|nv|n\.v|s\.a|k\.k|kk|co|company|group"
    r"|holdings?|spa|s\.p\.a|ab|asa|oyj|gmbh|lp|l\.p|the)\.?)+$"
)
# `of the group` and `the group's highest` include all companies, not only the subject.
SELF_WORDS = (
    r"the (?:company|firm|issuer|business|bank|insurer|retailer|miner|utility|manufacturer|chipmaker|lender)"
    r"|(?<!\bof )(?<!\bin )(?<!\bwithin )(?<!\bamong )(?<!\bacross )the group"
    r"(?!'s (?:\w+est|best|worst|most|least|top)\b)"
)
_COUNT = r"two|three|four|five|six|\d"
PEERS = re.compile(
    rf"\b(?:(?P<quantity>all|both|each|every|either|any|none|neither|no|most)\s+(?:one\s+)?(?:of\s+)?)?"
    rf"(?:(?:its|their|the|these|those|our|other)\s+)?(?:(?:{_COUNT}|main|direct|listed|closest|other|supplied"
    rf"|named)\s+)*"
    r"(?:(?P<mean>average|mean|median|typical)\s+(?:(?:for|of|among|across)\s+(?:its|the)\s+)?)?"
    r"(?:peers?|rivals?|competitors?|comparables|(?<=\bno )(?:company|bank|firm|name|stock)"
    r"|(?<=\bno other )(?:company|bank|firm|name|stock)"
    r"|(?<=\bno )\w+(?=\s(?:in|of)\sthe\s(?:group|peer|three|sample|comparison|sector))"
    r"|(?<=\ball three )\w+s|(?<=\bnone of the three )\w+s|(?P<nobody>nobody(?: else)?|no one(?: else)?))"
    r"(?:\s+(?:group|companies))?(?!\w)(?:'s?(?=\s))?"
    r"(?:(?:(?<=\bno company)|(?<=\bno bank)|(?<=\bno firm)|(?<=\bno name)|(?<=\bno stock)|(?<=\bnobody)|(?<=\bno one)"
    r"|(?<=\bno other company)|(?<= else))\s(?:in|of|among|within)\s(?:the|its|this|\w+'s)\s(?:peer\s)?(?:group"
    r"|set|sample|sector|peers"
    r"|comparison|universe|three|table|field)(?!\w))?"
    r"(?:\s+(?P<mean2>average|mean|median)(?!\s+target))?"
)


@dataclass(frozen=True, slots=True)
class Names:
    """The patterns that match figures and companies, and the meaning of each form."""

    figures: re.Pattern[str]
    means: Mapping[str, frozenset[str]]
    companies: re.Pattern[str]
    owners: Mapping[str, str]


def names(facts: Iterable[Fact], spelled: Mapping[str, frozenset[str]], own: Iterable[str]) -> Names:
    """Build the patterns from `phrases`, the facts and the company's own names (`own`)."""
    facts = list(facts)
    means = {phrase: meant for phrase, meant in spelled.items() if phrase not in VAGUE} | dict(FIGURES)
    words = alternatives(means)
    called: dict[str, str] = {}
    for fact in facts:
        if fact.subject:
            called.setdefault(fact.subject, fact.subject)
            if fact.unit is Unit.TEXT and re.search(r"name$", fact.id, re.IGNORECASE):
                called |= {alias: fact.subject for alias in aliases(str(fact.value))}
    for name in own:
        called |= {alias: SELF for alias in aliases(name) if alias not in called}
    companies = rf"(?<![\w$])(?:(?P<named>{alternatives(called)})|(?P<self>(?i:{SELF_WORDS}|we)))(?!\w)"
    return Names(re.compile(rf"(?<![\w$])({words})(?:s|es)?(?!\w)"), means, re.compile(companies), called)


def aliases(name: str) -> list[str]:
    """Return `Nordic Compute`, `Nordic` for `Nordic Compute Inc. (invented)`; a ticker also without its exchange."""
    plain = re.sub(r"\s*\(.*?\)", "", name).strip()[:80]
    short = re.sub(_FORM, "", plain, flags=re.IGNORECASE).strip()
    first = short.split(" ")[0] if short else ""
    stem = plain.partition(".")[0]
    found = [plain, short]
    if len(first) >= 4 and first[:1].isupper() and not COMMON.fullmatch(first.lower()):
        found.append(first)
    if stem.isupper() and len(stem) >= 2:
        found.append(stem)
    return [alias for alias in dict.fromkeys(found) if len(alias) >= 2]


COMMON = re.compile(
    r"(?:american|bank|first|general|global|great|group|international|national|north|south|east|west|"
    r"united|new|royal|standard|state|the|best|home|public|republic|real|sun|union|super|texas|total|"
    r"target|price|market|cash|capital|free|fair|trade|core|data|digital|energy|health|life|power)"
)
