"""Quotation check: a sentence based on a supplied text is replaced by a quotation with its source, or dropped.

No I/O. A number from such a text only, and a copied phrase, are not the model's own. A passage is quoted if it
states a fact about the business, contradicts no figure and passes the checks itself. Headlines and other fields are
quoted only with a number: an author of one must not be able to insert a sentence into a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ert_backend.grounding import periods
from ert_backend.grounding.check import Evidence, NumberResult, check
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.numerals import Kind, Numeral, read
from ert_backend.reports.prompts import Brief
from ert_backend.reports.prose import WITHHELD, Dropped, Traced
from ert_backend.reports.text.hygiene import Names, fault, name_fault
from ert_backend.reports.text.plain import folded, plain

# Length of a copied phrase; number of shared stems, and their share of a sentence, that count as retold.
COPIED, COPIED_FROM_DESCRIPTION = 5, 6
SHORTEST = 3
RETOLD, RETOLD_PART = 3, 0.6
LONGEST = 300
MOST_WORDS, MOST_TOLD = 5000, 200
WORD = re.compile(r"\w+")
BREAK = re.compile(r"(?<=[.!?;])\s+|\n")
DESCRIPTION = "longBusinessSummary"
_VERBS = (
    r"design|manufactur|market|develop|operat|provid|offer|sell|produc|distribut|own|serv|engag|invest|leas"
    r"|explor|suppl(?:y|i)|deliver|build|employ|generat|earn|mak|hold|licens|publish|insur|underwrit|lend"
    r"|process|refin|transport|focus|specializ|compris|consist|includ|work|report"
)
_FORM = r"(?:e|es|s|ed|d|ing)?\b"
# A passage with a number that states a fact: not an order, and not praise.
STATES = re.compile(
    rf"\b(?:(?:is|are|was|were|has|have|had|will|sold|built|made|grew|fell|rose|ran|paid)\b|(?:{_VERBS}"
    r"|plan|open|launch|post|rais|cut|hir|acquir|sign|ship|expand|clos|start|grow|increas|decreas|declar"
    r"|pay|list|count|number|reach|record|add|run)"
    rf"{_FORM})"
)
# The form of a sentence in a business description.
DESCRIBES = re.compile(
    r"\W{0,2}(?:(?:(?:in addition|through|as of|additionally)[^,]{0,60}, )?(?:the (?:company|firm|group|bank"
    r"|fund|trust)|it|they)"
    rf"(?:,[^,]{{0,60}},)? (?:\w+ly |also )?(?:(?:{_VERBS}){_FORM}"
    r"|(?:is|was) (?:an? |the |one |founded|incorporated|based|headquartered))"
    r"|(?:its|their) (?:\w+ ){1,4}?(?:includ|consist|compris|serv|offer|rang|work|operat|provid|sell)(?:e|es"
    r"|s)?\b|(?:founded"
    r"|headquartered|incorporated|based)\b)"
)
GENERIC = frozenset(
    word[:6]
    for word in re.findall(
        r"\w+",
        """
    about after again also analysis because before between business cash company could custom customer demand
    earn earnings every expect expected financial firm first from grow grows growth have high income industry
    into invest investor known last level made make margin market more most much only operates operating other
    over performance position price produce product profit quarter rate rating report result results revenue
    risk risks said sales sector segment sells services share shares should significant since some steady
    still strong than that their them then there these they this those through time trade trading under
    valuation value very well were what when where which while will with within would year years
        """,
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One sentence of a supplied text: the id of the text, and the name of its source."""

    id: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The supplied text, indexed by sequence."""

    runs: Mapping[tuple[str, ...], Passage]
    told: Sequence[tuple[frozenset[str], Passage]]
    named: Mapping[str, str]
    known: Evidence
    names: Names

    def copied(self, sentence: str) -> Passage | None:
        """Return the passage that the sentence repeats or retells, if any."""
        words = _words(sentence)
        runs = (run for size in range(SHORTEST, COPIED_FROM_DESCRIPTION + 1) for run in _runs(words, size))
        found = next((self.runs[run] for run in runs if run in self.runs), None)
        if found:
            return found
        own = self.content(words)
        for content, passage in self.told:
            shared = len(own & content)
            if shared >= RETOLD and shared >= RETOLD_PART * len(own):
                return passage
        return None

    def content(self, words: Iterable[str]) -> frozenset[str]:
        """Return the stems that are specific to a sentence."""
        return _content(words) - _content(self.names.words)


def sources(brief: Brief, known: Evidence, names: Names) -> Sources:
    """Index every text of a request that a sentence could be copied from."""
    named = {DESCRIPTION: "The supplied company description"}
    for number, origin in enumerate(brief.origins, 1):
        named[f"recent_headlines.{number}"] = f"A supplied headline{_bracketed(origin)}"
    texts = brief.texts()
    for fact in brief.facts.values():
        if fact.unit is Unit.TEXT and fact.id not in texts:
            texts[fact.id], named[fact.id] = str(fact.value), _field(fact)
    runs: dict[tuple[str, ...], Passage] = {}
    told: list[tuple[frozenset[str], Passage]] = []
    seen: set[tuple[str, ...]] = set()
    # The model may know a text that was withheld from it; such a text is never quoted.
    for name, text in (*texts.items(), *(("withheld", text) for text in brief.originals)):
        for sentence in BREAK.split(text):
            passage, words = Passage(name, sentence.strip(), named.get(name, "A supplied text")), _words(sentence)
            if tuple(words) in seen:
                continue
            seen.add(tuple(words))
            for run in _runs(words, COPIED_FROM_DESCRIPTION if name == DESCRIPTION else COPIED):
                runs.setdefault(run, passage)
            if name != DESCRIPTION and len(told) < MOST_TOLD:
                told.append((_content(words), passage))
    return Sources(runs, told, named, known, names)


def attributed(item: Traced | Dropped, given: Sources) -> Traced | Dropped:
    """Return the sentence, its quotation, or both when it has a figure of its own."""
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
    words = _quotable(passage, given, bool(spoken))
    if words is None:
        return Dropped(WITHHELD, "rests on a supplied text", None, passage.id)
    quote = f'{passage.source} says: "{words}"'
    numbers = tuple((numeral.text, passage.id) for numeral in _numerals(quote))
    if any(not claim.quote and claim.numeral.kind is not Kind.PERIOD for claim in item.claims):
        return replace(item, text=f"{item.text} {quote}", numbers=(*item.numbers, *numbers))
    return replace(item, text=quote, numbers=numbers, cited=(passage.id,), by="quote")


def _quotable(passage: Passage, given: Sources, for_number: bool) -> str | None:
    """Return the passage in printable form; None if it cannot be quoted."""
    words = plain(passage.text).replace('"', "'").strip()
    if len(words) > LONGEST:
        words = words[:LONGEST].rpartition(" ")[0] + "..."
    low = folded(given.names.hidden(words))
    describes = passage.id == DESCRIPTION and DESCRIBES.match(low)
    if not (describes or (for_number and STATES.search(low))):
        return None
    wrong = any(claim.verdict is NumberResult.MISLABELLED for claim in check(words, given.known))
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


def _content(words: Iterable[str]) -> frozenset[str]:
    return frozenset(stem for word in words if len(word) > 3 and (stem := word[:6]) not in GENERIC)


def _runs(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield the sequences of length `size`; a shorter text of at least SHORTEST is one sequence."""
    if SHORTEST <= len(words) < size:
        yield tuple(words)
    yield from (tuple(words[i : i + size]) for i in range(len(words) - size + 1))
