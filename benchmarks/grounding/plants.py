"""Errors injected into true sentences, seeded: digits, scales, units, labels, periods, signs and references.

The vocabulary is independent of the checker's own lists. An injected sentence is false by construction: the number
differs from the true one by more than the precision in which it is written, or the name, the period or the sign is not
that of the figure.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.grounding.companies import Subject
from ert_backend.grounding.facts import Fact, Unit


@dataclass(frozen=True, slots=True)
class Plant:
    """One false sentence about a company, and the true one from which it was made."""

    family: str
    ticker: str
    true: str
    false: str


Planter = Callable[[Subject, random.Random], Plant | None]

# Common names of the figures, by the fact's id.
CALLED = {
    "totalRevenue": ("revenue", "total revenue", "sales", "net sales", "turnover"),
    "grossProfits": ("gross profit",),
    "operatingIncome": ("operating income", "operating profit", "EBIT"),
    "netIncomeToCommon": ("net income", "net profit", "net earnings"),
    "freeCashflow": ("free cash flow", "FCF"),
    "operatingCashflow": ("operating cash flow", "cash flow from operations"),
    "totalAssets": ("total assets",),
    "totalLiabilities": ("total liabilities",),
    "totalDebt": ("total debt", "debt"),
    "trailingEps": ("earnings per share", "EPS", "diluted EPS"),
    "grossMargins": ("gross margin",),
    "operatingMargins": ("operating margin",),
    "profitMargins": ("net margin", "net profit margin"),
    "returnOnEquity": ("return on equity", "ROE"),
    "returnOnAssets": ("return on assets", "ROA"),
    "debtToEquity": ("debt-to-equity ratio", "debt to equity"),
    "currentRatio": ("current ratio",),
    "revenueGrowth": ("revenue growth", "sales growth"),
    "earningsGrowth": ("earnings growth", "net income growth"),
}
SINGLE = (
    "{Label} was {n}.",
    "{Label} came to {n} for the year.",
    "The company reported {label} of {n}.",
    "With {label} of {n}, the business is well placed.",
    "Its {label} stands at {n}, which deserves attention.",
    "{n} in {label} is what the filing shows.",
    "At {n}, {label} is the figure to watch.",
    "- **{Label}**: {n}",
)
SCALE_WORDS = {
    "billion": ("million", "trillion"),
    "million": ("billion", "thousand"),
    "bn": ("mn", "tn"),
    "B": ("M", "T"),
}


def money(value: float, currency: str, choice: random.Random) -> str:
    """Format an amount in one of the usual ways; a small one in full."""
    size, sign = abs(value), "-" if value < 0 else ""
    if size < 1e5:
        return f"{sign}${size:,.2f}"
    scale, word, letter, short = (1e9, "billion", "B", "bn") if size >= 1e9 else (1e6, "million", "M", "mn")
    n = size / scale
    forms = (
        f"{sign}${n:,.1f} {word}",
        f"{sign}${n:,.2f}{letter}",
        f"{sign}US${n:,.1f}{short}",
        f"{sign}${n:,.0f} {word}",
        f"{currency} {sign}{n:,.2f} {word}",
        f"{sign}{n:,.1f} {word} dollars",
        f"{sign}${size:,.0f}",
    )
    return choice.choice(forms)


def written(fact: Fact, choice: random.Random) -> str:
    """Format the fact in one of the ways of its kind."""
    value = fact.number or 0.0
    match fact.unit:
        case Unit.MONEY:
            return money(value, fact.currency or "USD", choice)
        case Unit.RATIO | Unit.PERCENT:
            n = value * (100 if fact.unit is Unit.RATIO else 1)
            return choice.choice((f"{n:.1f}%", f"{n:.2f}%", f"{n:.1f} percent", f"{n:.0f}%", f"{n:.1f} per cent"))
        case Unit.MULTIPLE:
            return choice.choice((f"{value:.2f}x", f"{value:.2f} times", f"{value:.2f}"))
        case _:
            return f"{value:,.0f}"


def figures(subject: Subject) -> list[Fact]:
    """Return the facts that have a name here."""
    return [fact for name, fact in subject.facts.items() if name in CALLED and fact.number]


def sentence(template: str, label: str, number: str) -> str:
    """Fill in a template."""
    return template.format(Label=label[:1].upper() + label[1:], label=label, n=number)


def wrong_digit(subject: Subject, choice: random.Random) -> Plant | None:
    """Change one significant digit."""
    fact = choice.choice(figures(subject))
    number = written(fact, choice)
    places = [m.start() for m in re.finditer(r"\d", number)]
    leading = re.search(r"[1-9]", number)
    places = [place for place in places if leading and place >= leading.start()]
    if not places:
        return None
    place = choice.choice(places)
    digit = choice.choice([d for d in "123456789" if abs(int(d) - int(number[place])) >= 2])
    false = number[:place] + digit + number[place + 1 :]
    return _single("digit", subject, fact, number, false, choice)


def wrong_scale(subject: Subject, choice: random.Random) -> Plant | None:
    """Replace million by billion, omit the scale, or write basis points for percent."""
    fact = choice.choice(figures(subject))
    number = written(fact, choice)
    for word, others in SCALE_WORDS.items():
        if re.search(rf"(?<=[\d ]){word}\b", number):
            other = choice.choice((*others, ""))
            return _single("scale", subject, fact, number, re.sub(rf" ?{word}\b", f" {other}".rstrip(), number), choice)
    if "%" in number:
        return _single("scale", subject, fact, number, number.replace("%", " basis points"), choice)
    return None


def wrong_unit(subject: Subject, choice: random.Random) -> Plant | None:
    """Write percent for a multiple, an amount for percent, or another currency."""
    fact = choice.choice(figures(subject))
    number = written(fact, choice)
    if "%" in number:
        bare = number.replace("%", "")
        other = choice.choice((f"{bare}x", f"${bare}", f"${bare} million"))
        # 187 % in yfinance's notation is often written 187x by mistake; the ratio itself, 1.87x, is not an error.
        return _single("unit", subject, fact, number, other, choice)
    if "$" in number:
        return _single("unit", subject, fact, number, re.sub(r"(?:US)?\$", choice.choice("€£¥"), number), choice)
    if number.endswith("x"):
        return _single("unit", subject, fact, number, f"{number[:-1]}%", choice)
    return None


def wrong_label(subject: Subject, choice: random.Random) -> Plant | None:
    """Use a true number under the name of another figure."""
    fact, other = choice.sample(figures(subject), 2)
    if fact.unit is not other.unit or _close(fact, other):
        return None
    number = written(fact, choice)
    template = choice.choice(SINGLE)
    true = sentence(template, choice.choice(CALLED[fact.id]), number)
    return Plant("label", subject.ticker, true, sentence(template, choice.choice(CALLED[other.id]), number))


PAIRS = (
    "{A} was {a} and {b_} was {b}.",
    "{A} of {a} compares with {b_} of {b}.",
    "{A} and {b_} were {a} and {b}, respectively.",
    "The company earned {a} in {a_} and {b} in {b_}.",
    "{A} reached {a}, while {b_} came to {b}.",
    "{A} ({a}) and {b_} ({b}) tell the story.",
    "While {a_} stood at {a}, {b_} was {b}.",
)


def swapped(subject: Subject, choice: random.Random) -> Plant | None:
    """Swap two true numbers between their names."""
    one, two = choice.sample(figures(subject), 2)
    if one.unit is not two.unit or _close(one, two):
        return None
    a, b = written(one, choice), written(two, choice)
    first, second = choice.choice(CALLED[one.id]), choice.choice(CALLED[two.id])
    template = choice.choice(PAIRS)
    names = {"A": first[:1].upper() + first[1:], "a_": first, "b_": second}
    return Plant("swapped", subject.ticker, template.format(a=a, b=b, **names), template.format(a=b, b=a, **names))


PERIODS = (
    ("In {p}, {label} was {n}.", True),
    ("{Label} was {n} in {p}.", True),
    ("For {p} the company reported {label} of {n}.", True),
    ("{Label} of {n} in {p} shows its size.", True),
    ("{Label} for {p} came to {n}.", True),
)


def wrong_period(subject: Subject, choice: random.Random) -> Plant | None:
    """Use a true number for another year or for a quarter."""
    fact = choice.choice(figures(subject))
    year = int((fact.as_of or "0000")[:4])
    if not year:
        return None
    away = choice.choice((year - 3, year - 2, year - 1, year + 1, year + 2))
    kinds = (
        f"{away}",
        f"fiscal {away}",
        f"FY{away}",
        f"FY{away % 100}",
        f"Q{choice.randint(1, 4)} {year}",
        f"the {choice.choice(('first', 'second', 'third', 'fourth'))} quarter of {year}",
        f"Q{choice.randint(1, 4)} {away}",
        f"fiscal year {away}",
        "the third quarter",
        f"June {away}",
    )
    template, _ = choice.choice(PERIODS)
    number, label = written(fact, choice), choice.choice(CALLED[fact.id])
    true = sentence(template.replace("{p}", f"fiscal {year}"), label, number)
    return Plant("period", subject.ticker, true, sentence(template.replace("{p}", choice.choice(kinds)), label, number))


FELL = ("{Label} fell {n} over the year.", "{Label} declined by {n}.", "There was a {n} decrease in {label}.")
ROSE = ("{Label} rose {n} over the year.", "{Label} increased by {n}.", "There was a {n} increase in {label}.")


def wrong_sign(subject: Subject, choice: random.Random) -> Plant | None:
    """Write a rise as a fall, or a fall as a rise."""
    fact = choice.choice(
        [fact for fact in figures(subject) if fact.id in {"revenueGrowth", "earningsGrowth"}] or [None]
    )
    if fact is None or not fact.number:
        return None
    label = "revenue" if fact.id == "revenueGrowth" else "net income"
    number = f"{abs(fact.number) * 100:.1f}%"
    index = choice.randrange(len(FELL))
    up, down = sentence(ROSE[index], label, number), sentence(FELL[index], label, number)
    return Plant("sign", subject.ticker, *((up, down) if fact.number > 0 else (down, up)))


def invented_reference(subject: Subject, choice: random.Random) -> Plant | None:
    """Use an id that is not in the list: made up, misspelt, or of another path."""
    fact = choice.choice(figures(subject))
    made = (
        f"{fact.id}Next",
        fact.id[:-1],
        f"{fact.id}_2030",
        f"forecast.{fact.id}",
        f"history.FY2019.{fact.id}",
        "priceTarget",
        "esgScore",
        "marketShare",
        f"{fact.id} growth",
        f"peer_metrics.XYZ.{fact.id}",
        "dcfValue",
        "wacc",
    )
    name = choice.choice([name for name in made if name not in subject.facts])
    template = choice.choice(SINGLE)
    label = choice.choice(CALLED[fact.id])
    true = sentence(template, label, f"[[{fact.id}]]")
    return Plant("reference", subject.ticker, true, sentence(template, label, f"[[{name}]]"))


WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
TENS = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}


def wrong_word(subject: Subject, choice: random.Random) -> Plant | None:
    """Replace a spelled-out number by another one."""
    fact = choice.choice(figures(subject))
    if fact.unit is not Unit.RATIO or fact.number is None or not 0.2 < fact.number < 0.99:
        return None
    whole = round(fact.number * 100)
    other = choice.choice([n for n in range(20, 99) if abs(n - whole) > 1])
    template, label = choice.choice(SINGLE[:7]), choice.choice(CALLED[fact.id])
    true, false = (sentence(template, label, f"{in_words(n)} percent") for n in (whole, other))
    return Plant("words", subject.ticker, true, false)


def in_words(number: int) -> str:
    """Spell out a number from 20 to 99."""
    tens, ones = divmod(number, 10)
    unit = "one" if ones == 1 else WORDS.get(ones, "")
    return TENS[tens] + (f"-{unit}" if unit else "")


# For the fictitious company: true sentences, and the same numbers where they do not belong, in varying sentences.
HISTORY = (
    ("In fiscal 2024 revenue was $9.01 billion.", "In fiscal 2025 revenue was $9.01 billion."),
    ("Revenue was $7.65 billion in FY2023.", "Revenue was $7.65 billion in FY2024."),
    (
        "Revenue fell from $9.0 billion in 2024 to $8.4 billion in 2025.",
        "Revenue fell from $8.4 billion in 2024 to $9.0 billion in 2025.",
    ),
    ("Third-quarter 2025 revenue was $2.16 billion.", "Second-quarter 2025 revenue was $2.16 billion."),
    ("Q2 2025 operating income was $291 million.", "Q3 2025 operating income was $291 million."),
    (
        "Operating income of $1.10 billion in 2023 became $1.28 billion in 2025.",
        "Operating income of $1.28 billion in 2023 became $1.10 billion in 2025.",
    ),
    (
        "For 2025 revenue was $8.43 billion, against $9.01 billion in 2024.",
        "For 2025 revenue was $8.43 billion, against $9.01 billion in 2023.",
    ),
)
PEERS = (
    ("ALFA trades at 33.9 times earnings.", "The company trades at 33.9 times earnings."),
    ("The trailing P/E of BETA is 14.2x.", "The trailing P/E of ALFA is 14.2x."),
    ("The P/E is 21.7x, against 33.9x for ALFA.", "The P/E is 33.9x, against 21.7x for ALFA."),
    ("BETA has revenue of $3.3 billion.", "The company has revenue of $3.3 billion."),
    ("ALFA's revenue is $15.7 billion.", "BETA's revenue is $15.7 billion."),
)
QUOTED = (
    ("It won a $640 million order.", "Net income was $640 million."),
    ("The company employs 12,400 people.", "Free cash flow was $12,400."),
    ("It was listed in 2011.", "It was listed in 2012."),
    ("It works in 9 countries.", "It works in 19 countries."),
    ("A $640 million order was won for 2026.", "A $640 million order was won for 2027."),
)


def _listed(family: str, pairs: tuple[tuple[str, str], ...]) -> Planter:
    def planter(_: Subject, choice: random.Random) -> Plant | None:
        true, false = choice.choice(pairs)
        before = choice.choice(("", "Notably, ", "As the figures show, ", "In short, ", "By our reading, "))
        after = choice.choice(("", " This matters.", " That is clear."))

        def said(text: str) -> str:
            return (
                before + (text[:1].lower() if before and text[1:2].islower() else text[:1]) + text[1:] + after
            ).strip()

        return Plant(family, "NRDC", said(true), said(false))

    planter.__name__ = family
    return planter


def _single(family: str, subject: Subject, fact: Fact, number: str, false: str, choice: random.Random) -> Plant | None:
    template, label = choice.choice(SINGLE), choice.choice(CALLED[fact.id])
    return Plant(family, subject.ticker, sentence(template, label, number), sentence(template, label, false))


def _close(one: Fact, two: Fact) -> bool:
    """Whether two figures are too similar to be distinguished after rounding."""
    a, b = abs(one.number or 0), abs(two.number or 0)
    return abs(a - b) <= 0.02 * max(a, b) or abs(a - b) < 0.012


PLANTERS: tuple[Planter, ...] = (
    wrong_digit,
    wrong_scale,
    wrong_unit,
    wrong_label,
    swapped,
    wrong_period,
    wrong_sign,
    invented_reference,
    wrong_word,
    _listed("history", HISTORY),
    _listed("peer", PEERS),
    _listed("quoted", QUOTED),
)


def plants(subjects: list[Subject], each: int, seed: int) -> Iterator[Plant]:
    """Yield `each` errors of every kind over the companies, deterministic by seed."""
    for planter in PLANTERS:
        choice = random.Random(f"{seed}{planter.__name__}")
        made = 0
        while made < each:
            plant = planter(choice.choice(subjects), choice)
            if plant is not None and plant.false != plant.true:
                made += 1
                yield plant
