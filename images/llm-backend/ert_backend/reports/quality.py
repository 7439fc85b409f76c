"""Quality rating: whether a report is full, the reasons if not, and the footer on its authorship. No I/O.

A report is full when every section has `GROUNDED` sentences of the model with a figure of the request, no sentence was
dropped as an error, and the model has read its whole prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ert_backend.grounding.check import Claim
from ert_backend.grounding.numerals import Kind
from ert_backend.reports.prose import HARMLESS, Prose, Traced
from ert_backend.reports.section import Checked
from ert_backend.reports.steps import Exchange

GROUNDED = 2
# With each tokenizer in use a word is at least one token; names and figures take more. The margin is a tenth.
LEAST_PER_WORD = 0.9
# Two prompts that differ by so many characters, or several of different lengths, have the same number of tokens only if
# all were truncated to it.
DIFFERENT, ALIKE = 100, 3


@dataclass(frozen=True, slots=True)
class Written:
    """One finished section: its text, the model's part of it, how it was checked, every sentence with its facts."""

    name: str
    text: str
    prose: Prose
    checked: Checked
    traced: tuple[Traced, ...]
    from_model: bool = True


def grounded(part: Written) -> int:
    """Return the number of the model's sentences in a section with a figure of the request."""
    return sum(1 for sentence in part.prose.traced if sentence.by != "quote" and any(map(_of_fact, sentence.claims)))


def _of_fact(claim: Claim) -> bool:
    return claim.quote is None and claim.numeral.kind is not Kind.PERIOD


def shortfalls(written: Sequence[Written]) -> list[str]:
    """Return the reasons why a report is not full, one per line; empty for a full one."""
    lines: list[str] = []
    for part in written:
        wrong = sum(item.reason not in HARMLESS for item in part.prose.dropped)
        if not part.from_model:
            lines.append(f"{part.name}: written by code")
        elif (count := grounded(part)) < GROUNDED:
            lines.append(f"{part.name}: {count} of {GROUNDED} sentences with a figure")
        if wrong:
            lines.append(f"{part.name}: {wrong} left out")
        if part.checked.draft.unlisted:
            lines.append(f"{part.name}: {part.checked.draft.unlisted} figures did not fit into the prompt")
    if cut(exchange for part in written for exchange in part.checked.draft.exchanges):
        lines.append("the engine read a part of the prompt only")
    return lines


def cut(exchanges: Iterable[Exchange]) -> bool:
    """Whether an engine reported fewer tokens than the prompt has, or the same for prompts of another length."""
    counted = [exchange for exchange in exchanges if exchange.tokens]
    if any(exchange.tokens < LEAST_PER_WORD * exchange.words for exchange in counted):
        return True
    by_count: dict[int, set[int]] = {}
    for exchange in counted:
        by_count.setdefault(exchange.tokens, set()).add(exchange.characters)
    return any(len(sizes) >= ALIKE or max(sizes) - min(sizes) >= DIFFERENT for sizes in by_count.values())


def footer(written: Sequence[Written], model: str) -> str:
    """Return the footer of a report: the sentences by the model and those by code."""
    sentences = [sentence for part in written for sentence in part.traced]
    own = sum(sentence.by.startswith("model") for sentence in sentences)
    quotes = sum(sentence.by == "quote" for sentence in sentences)
    coded = [part.name.replace("_", " ") for part in written if not part.from_model]
    parts = [
        f"{_count(own, 'sentence')} written by the language model {model} and checked against the figures supplied"
    ]
    if quotes:
        parts.append(f"{_count(quotes, 'quote')} from texts supplied")
    parts.append("header, tables and figures by code" + (f", and all of {', '.join(coded)}" if coded else ""))
    return f"{'; '.join(parts)}. Not investment advice."


def _count(number: int, what: str) -> str:
    return f"{number or 'No'} {what}{'' if number == 1 else 's'}"
