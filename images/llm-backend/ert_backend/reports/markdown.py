"""Markdown output: the header, tables and notes that code adds to a section. No I/O; every figure is a fact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ert_backend.grounding.derive import RULES, find
from ert_backend.grounding.facts import NOT_MEANINGFUL, Fact, Unit
from ert_backend.grounding.figures import Figures
from ert_backend.grounding.identities import Conflict
from ert_backend.grounding.supplied.provenance import host
from ert_backend.grounding.vocabulary import KNOWN
from ert_backend.reports.display import show
from ert_backend.reports.pen import plain_line
from ert_backend.reports.prose import Traced
from ert_backend.reports.sections import Section
from ert_backend.reports.text.hygiene import name_fault

DISPUTED = " (contradicted, see the notes)"
RATES = "Exchange rates"
SIDES = {
    "currency": "the quote",
    "financialCurrency": "the statements",
    "perShareCurrency": "the figures per share",
}
ADDRESS = re.compile(r"https://[\w.-]{1,80}(?:/[\w./-]{0,160})?")


def table_rows(
    names: Iterable[str], facts: Mapping[str, Fact], disputed: frozenset[str] = frozenset()
) -> list[dict[str, object]]:
    """Return the rows of one table as data: label, fact id, value, display, unit, currency, date and source."""
    found = {fact.id: fact for name in names if (fact := find(facts, name)) is not None}
    return [
        {
            "label": fact.label,
            "fact_id": fact.id,
            "value": fact.number,
            "display": show(fact),
            "unit": fact.unit.value,
            "currency": fact.currency,
            "as_of": fact.as_of,
            "source": fact.source,
            "filing": fact.filing,
            "link": fact.link,
            "contradicted": fact.id in disputed,
        }
        for fact in found.values()
        if fact.number is not None or fact.value == NOT_MEANINGFUL
    ]


def tables(section: Section, figures: Figures) -> list[dict[str, object]]:
    """Return the tables of a section with at least one row; the exchange rates are part of the valuation section."""
    wanted = list(section.tables)
    if section.name == "valuation_analysis":
        wanted.append((RATES, tuple(name for name, fact in figures.facts.items() if fact.unit is Unit.RATE)))
    built = [(title, table_rows(names, figures.facts, figures.disputed)) for title, names in wanted]
    return [{"section": section.name, "title": title, "rows": rows} for title, rows in built if rows]


def table_text(title: str, rows: Sequence[Mapping[str, object]]) -> str:
    """Format a table as markdown."""
    columns = ["Figure", "Value", "As of", "Source"]
    if not any(row["as_of"] for row in rows):
        columns.remove("As of")
    rules = ("---:" if name == "Value" else "---" for name in columns)
    lines = [f"**{title}**", "", _cells(columns), _cells(rules)]
    return "\n".join([*lines, *(_cells(_cell(name, row) for name in columns) for row in rows)])


def header(company: str, ticker: str, facts: Mapping[str, Fact], rating: str) -> list[Traced]:
    """Return the company, sector, price and value in two paragraphs; only figures that may be printed."""
    about = [fact for name in ("sector", "industry") if (fact := facts.get(name)) and not name_fault(str(fact.value))]
    found = [fact for name in ("currentPrice", "marketCap") if (fact := find(facts, name))]
    priced = [fact for fact in found if fact.number is not None]
    named = ", ".join(str(fact.value) for fact in about if fact.unit is Unit.TEXT)
    first = f"**{plain_line(company)} ({ticker})**" + (f" - {plain_line(named)}" if named else "")
    view = "Rating: not rated" if rating == "not_rated" else f"Analysts' consensus: {rating}"
    second = " | ".join([*(f"{fact.label}: {show(fact)}" for fact in priced), view])
    cited = tuple(name for name in ("longName", "sector", "industry") if name in facts)
    company = ticker if name_fault(company) else company
    return [
        Traced(first, "", (), cited=cited, by="code"),
        Traced(second, "\n\n", tuple((show(fact), fact.id) for fact in priced), by="code"),
    ]


def notes(figures: Figures) -> list[Traced]:
    """Return the notes on the figures: contradictions, values that were not computed or shown, missing values."""
    written = [_contradiction(conflict) for conflict in figures.conflicts]
    if written:
        says = "Some of the supplied figures contradict each other; they stand in the tables and in no sentence:"
        written.insert(0, _note(says))
    return [*written, *(_note(text) for text in (_uncomputed(figures), _unsigned(figures), _hidden(figures)) if text)]


def gap_note(names: Sequence[str]) -> str:
    """Return a sentence that lists the missing values; empty when there are none."""
    return f"Not supplied: {', '.join(labels)}." if (labels := _labels(name for name in names if name in KNOWN)) else ""


def _contradiction(conflict: Conflict) -> Traced:
    shown = [(show(fact), fact) for fact in conflict.facts]
    sides = ", ".join(f"{_plain_label(fact.label)} {text}" for text, fact in shown)
    numbers = tuple((text, fact.id) for text, fact in shown)
    return Traced(f"{sides[:1].upper()}{sides[1:]} ({conflict.says}).", "\n- ", numbers, by="code")


def _uncomputed(figures: Figures) -> str:
    names = [_plain_label(rule.label) for rule in figures.uncomputed]
    why = "price and statements are not known to be in one currency, and no exchange rate was supplied"
    return f"Not computed, because {why}: {', '.join(names)}." if names else ""


def _unsigned(figures: Figures) -> str:
    sides = [SIDES[name] for name in figures.unsigned]
    return f"Amounts without a sign: the currency of {' and of '.join(sides)} was not supplied." if sides else ""


def _hidden(figures: Figures) -> str:
    labels = _labels(fact.id for fact in figures.hidden)
    article = "an" if figures.kind.value[0] in "aeiou" else "a"
    return f"Not shown, as it says little about {article} {figures.kind.value}: {', '.join(labels)}." if labels else ""


def _note(text: str) -> Traced:
    return Traced(text, "\n\n", (), by="code")


def _labels(names: Iterable[str]) -> list[str]:
    known = {rule.id: rule.label for rule in RULES} | {name: label for name, (label, _) in KNOWN.items()}
    return list(dict.fromkeys(_plain_label(known[name]) for name in names if name in known))


def _plain_label(label: str) -> str:
    """Return the label in the form used within a sentence: `EBITDA` and `P/E` keep their capitals."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(column: str, row: Mapping[str, object]) -> str:
    if column != "Source":
        key = {"Figure": "label", "Value": "display", "As of": "as_of"}[column]
        return _escaped(_sayable(str(row[key] or "not given")))
    source = ", ".join(_sayable(str(row[key])) for key in ("source", "filing") if row[key]) or "not given"
    # The link is labelled with the host of its address.
    linked = f" ([{host(str(row['link']))}]({row['link']}))" if row["link"] else ""
    return _escaped(source) + linked + (DISPUTED if row["contradicted"] else "")


def _sayable(text: str) -> str:
    """Return the value, unless the content filter rejects it. The source of a figure may be a plain address."""
    # `exchangeRate.CNYHKD` in a derived formula is no domain.
    said = text.replace("exchangeRate.", "") if text.startswith("derived: ") else text
    return text if ADDRESS.fullmatch(text) or not name_fault(said) else "not given"


def _escaped(text: str) -> str:
    return plain_line(text).replace("|", "\\|")
