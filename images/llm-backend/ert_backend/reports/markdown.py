"""The parts of a section that code writes: tables, header, sentences, notes. Pure; every figure comes from a fact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ert_backend.grounding.derive import find
from ert_backend.grounding.facts import Fact
from ert_backend.grounding.vocabulary import KNOWN
from ert_backend.reports.display import show
from ert_backend.reports.prose import Traced
from ert_backend.reports.sections import EXPECTED, Section

FIELD = re.compile(r"\{(\w+)\}")
NOTHING = "The data supplied with the request does not cover this section."


def table_rows(names: Iterable[str], facts: Mapping[str, Fact]) -> list[dict[str, object]]:
    """The rows of one table as data: label, fact id, value, display, unit, date and source."""
    found = [fact for name in names if (fact := find(facts, name)) is not None and fact.number is not None]
    return [
        {
            "label": fact.label,
            "fact_id": fact.id,
            "value": fact.number,
            "display": show(fact),
            "unit": fact.unit.value,
            "as_of": fact.as_of,
            "source": fact.source,
        }
        for fact in found
    ]


def tables(section: Section, facts: Mapping[str, Fact]) -> list[dict[str, object]]:
    """The tables of a section that have at least one row."""
    built = [(title, table_rows(names, facts)) for title, names in section.tables]
    return [{"section": section.name, "title": title, "rows": rows} for title, rows in built if rows]


def table_text(title: str, rows: Sequence[Mapping[str, object]]) -> str:
    """A table as markdown."""
    columns = [("Figure", "label"), ("Value", "display"), ("As of", "as_of"), ("Source", "source")]
    if not any(row["as_of"] for row in rows):
        del columns[2]
    rules = ("---:" if name == "Value" else "---" for name, _ in columns)
    lines = [f"**{title}**", "", _cells(name for name, _ in columns), _cells(rules)]
    lines += [_cells(_cell(str(row[key] or "not given")) for _, key in columns) for row in rows]
    return "\n".join(lines)


def sentences(section: Section, facts: Mapping[str, Fact], company: str) -> list[Traced]:
    """What code can say for a section; a sentence with a missing figure is left out."""
    written = [sentence for template in section.fallback if (sentence := _filled(template, facts, company))]
    return written or [Traced(NOTHING, " ", (), by="code")]


def header(company: str, ticker: str, facts: Mapping[str, Fact], rating: str) -> list[Traced]:
    """Company, sector, price and value in two paragraphs."""
    about = [fact for name in ("sector", "industry") if (fact := facts.get(name))]
    priced = [fact for name in ("currentPrice", "marketCap") if (fact := find(facts, name))]
    named = ", ".join(str(fact.value) for fact in about)
    first = f"**{_line(company)} ({ticker})**" + (f" - {_line(named)}" if about else "")
    view = "Rating: not rated" if rating == "not_rated" else f"Analysts' consensus: {rating}"
    second = " | ".join([*(f"{fact.label}: {show(fact)}" for fact in priced), view])
    cited = tuple(name for name in ("longName", "sector", "industry") if name in facts)
    return [
        Traced(first, "", (), cited=cited, by="code"),
        Traced(second, "\n\n", tuple((show(fact), fact.id) for fact in priced), by="code"),
    ]


def gaps(facts: Mapping[str, Fact], missing: Sequence[str]) -> list[str]:
    """Ids of figures that a note should have and this request did not bring."""
    expected = [name for name in EXPECTED if find(facts, name) is None]
    return list(dict.fromkeys([*expected, *missing]))[:60]


def gap_note(names: Sequence[str]) -> str:
    """The gaps in words; empty when there are none."""
    labels = [
        KNOWN[name][0].lower() if not KNOWN[name][0].isupper() else KNOWN[name][0] for name in names if name in KNOWN
    ]
    return f"Not supplied: {', '.join(dict.fromkeys(labels))}." if labels else ""


def _filled(template: str, facts: Mapping[str, Fact], company: str) -> Traced | None:
    names = [name for name in FIELD.findall(template) if name != "company"]
    found = {name: fact for name in names if (fact := find(facts, name)) is not None}
    if len(found) < len(set(names)):
        return None
    text = FIELD.sub(lambda match: _line(company) if match[1] == "company" else _line(show(found[match[1]])), template)
    numbers = tuple((show(fact), fact.id) for fact in found.values() if fact.number is not None)
    cited = tuple(fact.id for fact in found.values() if fact.number is None)
    return Traced(text, " ", numbers, cited=cited, by="code")


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    """Supplied text on one line, without markup."""
    return re.sub(r"[<>`\[\]*]", "", " ".join(text.split()))[:200]
