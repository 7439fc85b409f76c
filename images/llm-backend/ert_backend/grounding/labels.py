"""Labels: the figure name for each number of a sentence, and whether it matches the fact.

A label right after the number has priority (`$391B in revenue`), else the one before it; lists are paired in order
(`revenue and net income were A and B`). A number without a label nearby has none.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from ert_backend.grounding.derive import RULES
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.numerals import Kind, Numeral
from ert_backend.grounding.phrases import ABOUT, PHRASES
from ert_backend.grounding.shared_names import Mention, Words, shared
from ert_backend.grounding.spans import Spans
from ert_backend.grounding.vocabulary import KNOWN

REACH, BESIDE = 120, 30
SELF = ""
# Allowed between a number and the label after it.
_FILL = (
    r"(?:the|its|their|a|an|this|that|total|annual|full year|quarterly|latest|recent|company s|company's|"
    r"reported|current|fiscal|overall|strong|solid|healthy|modest|high|low|negative|positive|impressive|robust|in)"
)
BEHIND = re.compile(
    r"\s*[),]?\s*(?:of (?:it|this|that|them) (?:as|(?:in)?to)\s+)?"
    r"(?:(?:in|of|for|as|times|worth of|is|was|were|are"
    rf"|represents?|reflects?|being)\s+)?(?:{_FILL}\s+)*"
    r"(?:(?!and\b|or\b|while\b|but\b|with\b|versus\b|from\b|to\b|against\b|than\b|at\b|on\b|by\b|so\b|as\b"
    r"|because\b|since\b|which\b|thus\b|hence\b|leaving\b|after\b|before\b)[a-z]+ )?(?:\()?"
)
# A label directly before its own number is not the label of the previous one.
OWN = re.compile(
    r"s?\s*(?:\([a-z/ ]+\)\s*)?(?:growth|margin|ratio)?\s*(?:of|is|was|were|are|at|stands? at|stood at|came to"
    r"|amounted to|totaled|totalled|reached|:|=|by)?"
    r"\s*(?:about|around|roughly|approximately|nearly|almost|over|only|just|a|an|the)?\s*[(+\-\u2212]?\s*"
)
BREAK = re.compile(r";|,? (?:while|whereas|but)\b")
KEPT_AS = re.compile(r"\s*(?:as|(?:in)?to)\s+(?:its )?")
OF_OWNER = re.compile(
    r"[\s)]*(?:(?:earnings|sales|revenue|ebitda)\s)?(?:for|at|of|by|from|posted by"
    r"|reported by)\s(?:the\s)?(?:(?:peer|rival)\s)?"
)
OUR = re.compile(r"(?<!\w)(?:our|its)(?!\w)", re.IGNORECASE)
SHARE = re.compile(r"\s*of\s+(?:the |its |total |their )*")


def plain(text: str) -> str:
    """Return lower case with plain hyphens and quotes; the length and every position are unchanged."""
    return text.lower().translate(str.maketrans("-\u2010\u2011\u2019_", "   ' "))


def alternatives(words: Iterable[str]) -> str:
    """Return a regular expression of these alternatives, longest first, with a check of the first letter."""
    letters: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        letters.setdefault(word[:1], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in letters.items()) or "(?!)"


def vocabulary(facts: Iterable[Fact]) -> Words:
    """Return the names that a report on these facts may use for a figure."""
    facts = list(facts)
    known = {plain(label): frozenset({label}) for label, _ in KNOWN.values()}
    known |= {plain(rule.label): frozenset({rule.label}) for rule in RULES}
    # Without the prefix (company or date), so that requests with the usual fields share one compiled pattern.
    bases = {fact.label.rpartition(": ")[2] for fact in facts}
    known |= {plain(base): frozenset({base}) for base in bases}
    names = {**known, **{plain(phrase): frozenset(means) for phrase, means in PHRASES.items()}}
    words = alternatives(names)
    return Words(re.compile(rf"(?<![\w$])({words})(?:s|es)?(?!\w)"), names)


def owners(sentence: str, companies: re.Pattern[str], called: Mapping[str, str]) -> list[Mention]:
    """Return the companies of a sentence: by name as in `called`, and `SELF` for the report's own company."""
    found = [(m[0], m.start(), m.end(), called.get(m["named"] or "", SELF)) for m in companies.finditer(sentence)]
    found += [(m[0], m.start(), m.end(), SELF) for m in OUR.finditer(sentence)]
    return [Mention(text, start, end, frozenset({owner})) for text, start, end, owner in sorted(found, key=_place)]


def _place(found: tuple[str, int, int, str]) -> int:
    return found[1]


def find(sentence: str, words: Words, taken: Sequence[Mention] = ()) -> list[Mention]:
    """Return each figure name, longest first: `cash flow` is not `cash`. A company's name is excluded (`BETA`)."""
    matches = words.figures.finditer(plain(sentence))
    found = [Mention(match[1], match.start(), match.end(), words.names[match[1]]) for match in matches]
    found = sorted([*found, *shared(plain(sentence), found, words)], key=lambda mention: mention.start)
    return [m for m in found if not any(t.names != {SELF} and t.start < m.end and m.start < t.end for t in taken)]


def owned(sentence: str, numerals: Sequence[Numeral], owners: Sequence[Mention]) -> list[tuple[Mention, ...]]:
    """Return the company for each number: the one right after it, else as in `assign`."""
    text = plain(sentence)
    behind = {
        i: mention
        for i, numeral in enumerate(numerals)
        if (mention := next((m for m in owners if m.start >= numeral.end), None)) is not None
        and len(gap := text[numeral.end : mention.start]) < 40
        and OF_OWNER.fullmatch(gap)
    }
    before = _before(text, numerals, [owner for owner in owners if owner not in behind.values()])
    return [(behind[i],) if i in behind else before.get(i, ()) for i in range(len(numerals))]


def assign(sentence: str, numerals: Sequence[Numeral], mentions: Sequence[Mention]) -> list[tuple[Mention, ...]]:
    """Return the labels for each number, empty if there is none. Input and output are in sentence order."""
    text = plain(sentence)
    taken = Spans((numeral.start, numeral.end) for numeral in numerals)
    free = [mention for mention in mentions if not taken.touch(mention.start, mention.end)]
    starts = [mention.start for mention in free]
    behind = {i: free[m] for i in range(len(numerals)) if (m := _behind(text, numerals, i, free, starts)) is not None}
    used = {mention.start for mention in behind.values()}
    ahead = [mention for mention in free if mention.start not in used]
    before = _before(text, numerals, ahead)
    result: list[tuple[Mention, ...]] = []
    for index, numeral in enumerate(numerals):
        share = index in behind and numeral.kind is Kind.PERCENT and SHARE.fullmatch(_gap(text, numeral, behind[index]))
        first = before.get(index, ())
        if index not in behind or (share and first):
            result.append(first)
        else:
            result.append((behind[index], *(_kept_as(text, behind[index], free, starts) if share else ())))
    return result


def _kept_as(text: str, base: Mention, mentions: Sequence[Mention], starts: Sequence[int]) -> tuple[Mention, ...]:
    """Return the second label of `24% of revenue as net income`, which also applies to the number."""
    near = mentions[bisect_left(starts, base.end) : bisect_left(starts, base.end + BESIDE)]
    return tuple(m for m in near if KEPT_AS.fullmatch(text, base.end, m.start))


def _gap(text: str, numeral: Numeral, mention: Mention) -> str:
    return text[numeral.end : mention.start]


def _behind(
    text: str, numerals: Sequence[Numeral], index: int, mentions: Sequence[Mention], starts: Sequence[int]
) -> int | None:
    """Return the index in `mentions` of the label right after a number."""
    numeral = numerals[index]
    following = numerals[index + 1].start if index + 1 < len(numerals) else len(text)
    place = bisect_left(starts, numeral.end)
    if place == len(mentions) or starts[place] >= following:
        return None
    gap, mention = _gap(text, numeral, mentions[place]), mentions[place]
    if len(gap) > REACH or not BEHIND.fullmatch(gap):
        return None
    owned = following < len(text) and OWN.fullmatch(text, mention.end, following)
    return None if owned or ("," in gap and following < len(text)) else place


def _before(text: str, numerals: Sequence[Numeral], mentions: Sequence[Mention]) -> dict[int, tuple[Mention, ...]]:
    """Match a run of labels to the next run of values: one label for all, in pairs, or the last for the first."""
    result: dict[int, tuple[Mention, ...]] = {}
    labels: list[Mention] = []
    run: list[int] = []
    items = sorted(
        [*((m.start, m, -1) for m in mentions), *((n.start, None, i) for i, n in enumerate(numerals))],
        key=lambda item: item[0],
    )
    for _, mention, index in items:
        if mention is not None:
            if run:
                result |= _pair(text, numerals, labels, run)
                labels, run = [], []
            labels.append(mention)
        else:
            run.append(index)
    result |= _pair(text, numerals, labels, run)
    return {index: found for index, found in result.items() if found}


def _pair(
    text: str, numerals: Sequence[Numeral], labels: Sequence[Mention], run: Sequence[int]
) -> dict[int, tuple[Mention, ...]]:
    if not labels or not run:
        return {}
    if len(labels) == len(run) > 1 and _listed(text, labels):
        return {index: (label,) for index, label in zip(run, labels, strict=True)}
    lead = numerals[run[0]]
    result: dict[int, tuple[Mention, ...]] = {}
    for index in run:
        numeral = numerals[index]
        since = labels[-1].end
        near = numeral.start - since <= REACH and not BREAK.search(text, since, numeral.start)
        same = index == run[0] or numeral.kind in {lead.kind, Kind.PERCENT}
        result[index] = (labels[-1],) if near and same else ()
    return result


def _listed(text: str, labels: Sequence[Mention]) -> bool:
    gaps = [text[left.end : right.start] for left, right in itertools.pairwise(labels)]
    return all(re.fullmatch(r"\s*(?:,|and|or|,\s*and)\s*(?:its |the )?", gap) for gap in gaps)


def means(mentions: Sequence[Mention], fact: Fact, sentence: str) -> bool:
    """Whether one of the labels applies to this fact; a field without a known name matches by the parts of its name."""
    if not mentions:
        return True
    base = fact.label.rpartition(": ")[2]
    accepted = {fact.label, base}
    if fact.unit in {Unit.RATIO, Unit.PERCENT, Unit.MULTIPLE}:
        accepted |= ABOUT.get(base, frozenset())
    if any(mention.names & accepted for mention in mentions):
        return True
    words = re.findall(r"[a-z]{3,}", plain(base))
    return fact.unit is Unit.NUMBER and bool(words) and all(word in plain(sentence) for word in words)
