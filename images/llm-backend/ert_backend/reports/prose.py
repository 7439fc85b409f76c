"""Prose check: inserts the figures into a model's sentences, checks their numbers, and drops the rest. No I/O.

The model is instructed to write `[[fact_id]]` for a figure. A sentence with an unknown id or an ungrounded number is
dropped and recorded; each of the others has a list of its facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ert_backend.grounding.bounds import MAX_SENTENCE
from ert_backend.grounding.check import Claim, Evidence, check
from ert_backend.grounding.facts import Fact
from ert_backend.reports.display import show
from ert_backend.reports.draft import CONTROL, Unit, clean, units
from ert_backend.reports.text.hygiene import NOBODY, Names, fault, names_of, together
from ert_backend.reports.text.plain import plain

__all__ = ["Dropped", "Prose", "Traced", "clean", "compose", "defuse", "joined", "judge", "settle"]

# A small model may omit one of the two brackets.
PLACEHOLDER = re.compile(r"\[\[\s{0,9}([^\[\]\s](?:[^\[\]]{0,118}[^\[\]\s])?)\s{0,9}\]\]|\[([A-Za-z][\w.]{1,120})\]")
MIN_WORDS = 4
# Replaces a rejected sentence; only the reason is kept.
WITHHELD = "(not repeated)"
# Reasons that do not count as errors: sentences of the model about itself.
HARMLESS = frozenset({"meta"})


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rejected sentence: its first invalid number or the unknown id, and the nearest fact."""

    text: str
    reason: str
    value: float | None
    nearest: str | None


@dataclass(frozen=True, slots=True)
class Traced:
    """A printed sentence with the fact of each of its numbers, and the other facts that it cites."""

    text: str
    lead: str
    numbers: tuple[tuple[str, str], ...]
    claims: tuple[Claim, ...] = ()
    cited: tuple[str, ...] = ()
    by: str = "model"


@dataclass(frozen=True, slots=True)
class Prose:
    """The accepted sentences, and the rejected ones."""

    text: str
    traced: tuple[Traced, ...]
    dropped: tuple[Dropped, ...]
    repeats: int = 0

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The numbers in the accepted sentences."""
        return tuple(claim for sentence in self.traced for claim in sentence.claims)


def defuse(text: str) -> str:
    """Sanitise text for a prompt: no control tokens, no placeholders, no fences, one line."""
    # One pass is enough: a token that results from two broken ones would contain the space between them.
    broken = CONTROL.sub(" ", text)
    broken = broken.replace("<|", "< |").replace("|>", "| >").replace("\uff5c", " ")
    broken = re.sub(r"\[{2,}", "[", re.sub(r"\]{2,}", "]", broken)).replace("```", " ")
    broken = re.sub(r"<{2,}", "<", re.sub(r">{2,}", ">", broken))
    return " ".join("".join(char if char.isprintable() else " " for char in broken).split())


def settle(text: str, facts: Mapping[str, Fact], known: Evidence, told: str = "") -> Prose:
    """Insert the figures into the sentences, and drop every sentence that fails the check."""
    return compose([judge(unit, facts, known) for unit in units(text, complete=True)], told)


def judge(unit: Unit, facts: Mapping[str, Fact], known: Evidence) -> Traced | Dropped:
    """Insert the figures into one sentence and check it; return the reason when it is rejected."""
    ids = {name.lower(): fact for name, fact in facts.items()}
    named = [_name(match) for match in PLACEHOLDER.finditer(unit.text)]
    names = _names(facts)
    if any(name not in ids for name in named):
        said = fault(PLACEHOLDER.sub("it", unit.text), names)
        return Dropped(WITHHELD if said else unit.text[:200], "unknown placeholder", None, None)
    # A model that repeats the sign or the unit around a placeholder means it once.
    text = PLACEHOLDER.sub(lambda match: _shown(ids[_name(match)]), unit.text)
    text = re.sub(r"([$€£¥%])\1+", r"\1", text)
    if len(text) > MAX_SENTENCE:
        return Dropped(text[:200] if not fault(text[:MAX_SENTENCE], names) else WITHHELD, "too long", None, None)
    if reason := fault(text, names):
        return Dropped(WITHHELD, reason, None, None)
    claims = check(text, known)
    fallen = next((claim for claim in claims if not claim.stands), None)
    if fallen is not None:
        return Dropped(text[:200], fallen.verdict.value, fallen.numeral.value, fallen.nearest)
    numbers = tuple((claim.numeral.text, claim.nearest or "") for claim in claims)
    cited = tuple(dict.fromkeys([*(ids[name].id for name in named), *(name for name in unit.cited if name in facts)]))
    return Traced(text, unit.lead, numbers, tuple(claims), cited)


def compose(
    judged: Iterable[Traced | Dropped], told: str = "", said: set[str] | None = None, names: Names = NOBODY
) -> Prose:
    """Join the accepted sentences, without repetitions, copies from `told` and content split over two sentences.

    `said` contains the previous sentences of the report, and is extended by those of this text.
    """
    instructions, seen = _key(told), set[str]() if said is None else said
    kept: list[Traced] = []
    dropped: list[Dropped] = []
    repeats = 0
    for item in judged:
        if isinstance(item, Dropped):
            dropped.append(item)
        elif _is_new(item.text, seen, instructions):
            kept.append(item)
        else:
            repeats += 1
    split = together([item.text for item in kept], names)
    dropped += [Dropped(WITHHELD, "said in two sentences", None, None) for _ in split]
    kept = [item for place, item in enumerate(kept) if place not in split]
    return Prose(joined(kept), tuple(kept), tuple(dropped), repeats)


def joined(kept: Sequence[Traced]) -> str:
    """Format sentences as markdown paragraphs and lists."""
    text, listed = "", False
    for sentence in kept:
        lead = sentence.lead
        # A blank line separates a list from the paragraph before it.
        if lead == "\n- " and text and not listed:
            lead = "\n\n- "
        listed = lead.endswith("- ") or (listed and lead == " ")
        text += lead + sentence.text
    return text.strip()


def _shown(fact: Fact) -> str:
    """Return the formatted fact; a supplied string is made harmless: short, on one line, without markup."""
    return show(fact) if fact.number is not None else re.sub(r"[<>`\[\]*|{}]", "", plain(defuse(show(fact))))[:120]


def _names(facts: Mapping[str, Fact]) -> Names:
    company = facts.get("longName")
    return names_of(str(company.value)) if company else NOBODY


def _name(match: re.Match[str]) -> str:
    return (match[1] or match[2]).lower()


def _is_new(sentence: str, seen: set[str], instructions: str) -> bool:
    """Whether the sentence has content and is new: small models repeat themselves."""
    key = _key(sentence)
    if len(key.split()) < MIN_WORDS or key in seen or key in instructions:
        return False
    seen.add(key)
    return True


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()
