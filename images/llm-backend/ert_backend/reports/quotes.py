"""Quotes: what a sentence has from a supplied text is printed in the text's words, in quotation marks, with its source.

Pure. A number that only a text speaks for, and words copied from one, are nobody's finding. A text that could not be
printed itself, or contradicts a figure, is not quoted, and the sentence that rests on it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ert_backend.grounding import periods
from ert_backend.grounding.check import Evidence, Verdict, check
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.numerals import Kind, Numeral, read
from ert_backend.reports.hygiene import Names, fault, name_fault
from ert_backend.reports.plain import plain
from ert_backend.reports.prompts import Brief
from ert_backend.reports.prose import WITHHELD, Dropped, Traced

# So many words in a row are copied: a description is what a summary is made of, a headline is somebody's opinion.
COPIED, COPIED_FROM_DESCRIPTION = 5, 9
LONGEST = 300
MOST_WORDS = 5000
WORD = re.compile(r"\w+")
BREAK = re.compile(r"(?<=[.!?;])\s+|\n")
DESCRIPTION = "longBusinessSummary"


@dataclass(frozen=True, slots=True)
class Passage:
    """One sentence of a supplied text: the id of the text and how its source is named."""

    id: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The supplied texts by runs of their words."""

    runs: Mapping[tuple[str, ...], Passage]
    named: Mapping[str, str]
    known: Evidence
    names: Names

    def copied(self, sentence: str) -> Passage | None:
        """The passage that the sentence repeats, if it does."""
        words = _words(sentence)
        for size in (COPIED, COPIED_FROM_DESCRIPTION):
            for run in _runs(words, size):
                if passage := self.runs.get(run):
                    return passage
        return None


def sources(brief: Brief, known: Evidence, names: Names) -> Sources:
    """All texts of a request that a sentence could be copied from."""
    named = {DESCRIPTION: "The supplied company description"}
    for number, origin in enumerate(brief.origins, 1):
        named[f"recent_headlines.{number}"] = f"A supplied headline{_bracketed(origin)}"
    texts = brief.texts()
    for fact in brief.facts.values():
        if fact.unit is Unit.TEXT and fact.id not in texts:
            texts[fact.id], named[fact.id] = str(fact.value), _field(fact)
    runs: dict[tuple[str, ...], Passage] = {}
    for name, text in texts.items():
        size = COPIED_FROM_DESCRIPTION if name == DESCRIPTION else COPIED
        for sentence in BREAK.split(text):
            passage = Passage(name, sentence.strip(), named.get(name, "A supplied text"))
            for run in _runs(_words(sentence), size):
                runs.setdefault(run, passage)
    return Sources(runs, named, known, names)


def attributed(item: Traced | Dropped, given: Sources) -> Traced | Dropped:
    """The sentence, or the quote that it comes from; with a figure of its own it is followed by the quote."""
    if isinstance(item, Dropped):
        return item
    spoken = next((claim for claim in item.claims if claim.quote), None)
    if spoken and spoken.quote:
        name = spoken.nearest or ""
        passage: Passage | None = Passage(name, spoken.quote, given.named.get(name, "A supplied text"))
    else:
        passage = given.copied(item.text)
    if passage is None:
        return item
    words = _quotable(passage, given)
    if words is None:
        return Dropped(WITHHELD, "rests on a supplied text", None, passage.id)
    quote = f'{passage.source} says: "{words}"'
    numbers = tuple((numeral.text, passage.id) for numeral in _numerals(quote))
    if any(not claim.quote and claim.numeral.kind is not Kind.PERIOD for claim in item.claims):
        return replace(item, text=f"{item.text} {quote}", numbers=(*item.numbers, *numbers))
    return replace(item, text=quote, numbers=numbers, cited=(passage.id,), by="quote")


def _quotable(passage: Passage, given: Sources) -> str | None:
    """The passage as it can be printed between quotation marks; None where it cannot."""
    words = plain(passage.text).replace('"', "'").strip()
    if len(words) > LONGEST:
        words = words[:LONGEST].rpartition(" ")[0] + "..."
    wrong = any(claim.verdict is Verdict.MISLABELLED for claim in check(words, given.known))
    return None if not words or wrong or fault(words, given.names) else words


def _numerals(text: str) -> list[Numeral]:
    return read(text, [mention.span for mention in periods.find(text)])


def _field(fact: Fact) -> str:
    label = plain(fact.label)[:60]
    return "A supplied text" if name_fault(label) else f"The supplied field {label}"


def _bracketed(origin: str) -> str:
    shown = re.sub(r"[^\w .,&'-]", "", re.sub(r"<[^<>]{0,40}>", "", plain(origin)))[:80].strip()
    return f" ({shown})" if shown and not name_fault(shown) else ""


def _words(text: str) -> list[str]:
    return WORD.findall(plain(text).casefold())[:MOST_WORDS]


def _runs(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Runs of `size` words; a text of fewer, but four or more, is one run."""
    if 4 <= len(words) < size:
        yield tuple(words)
    yield from (tuple(words[i : i + size]) for i in range(len(words) - size + 1))
