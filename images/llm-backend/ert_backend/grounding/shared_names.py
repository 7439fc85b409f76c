"""Names with a common part: `gross and operating margin`, `52-week high and low`, `the trailing 20`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LISTED_BEFORE = re.compile(r"(?:[a-z/]+(?: cash)?, )*[a-z/]+(?: cash)?,? (?:and|or|& )\s?$")
LISTED_BEHIND = re.compile(r"(?:\s(?:of|at)\s[^a-z]{1,14}|\s)(?:and|or|to) (?:an? |its |the )?([a-z]+)(?![a-z])")
ALONE = re.compile(r"\b(?:trailing|forward)(?=\s[$€£¥\d])|(?<=\d\s)(?:trailing|forward)(?=[\s.,;]*$|[.,;])")


@dataclass(frozen=True, slots=True)
class Mention:
    """A figure name in a sentence: `names` are the labels it may refer to."""

    phrase: str
    start: int
    end: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Words:
    """The pattern that matches every known figure name, with the meaning of each."""

    figures: re.Pattern[str]
    names: Mapping[str, frozenset[str]]


def _alone(text: str, found: Sequence[Mention], words: Words) -> Iterator[Mention]:
    """Yield the figure of `trailing` in `the forward P/E of 22 exceeds the trailing 20`."""
    heads = [m.phrase.partition(" ")[2] for m in found if m.phrase.startswith(("trailing ", "forward "))]
    for match in ALONE.finditer(text) if heads else ():
        named = words.names.get(f"{match[0]} {heads[0]}") or words.names.get(heads[0])
        if named and not any(m.start < match.end() and match.start() < m.end for m in found):
            yield Mention(match[0], match.start(), match.end(), named)


def shared(text: str, found: Sequence[Mention], words: Words) -> Iterator[Mention]:
    """Yield `gross, operating` of `gross, operating and net margin`, `low` of `52-week high and low`."""
    yield from _alone(text, found, words)
    taken = {place for mention in found for place in range(mention.start, mention.end)}
    for mention in found:
        first, _, head = mention.phrase.partition(" ")
        listed = LISTED_BEFORE.search(text[max(0, mention.start - 60) : mention.start])
        base = max(0, mention.start - 60)
        for word in re.finditer(r"[a-z/]+(?: cash)?", listed[0]) if head and listed else ():
            start = base + (listed.start() if listed else 0) + word.start()
            named = words.names.get(f"{word[0]} {head}")
            if named and word[0] not in {"and", "or", first} and start not in taken:
                yield Mention(f"{word[0]} {head}", start, start + len(word[0]), named)
        body, _, last = mention.phrase.rpartition(" ")
        behind = LISTED_BEHIND.match(text, mention.end) if body else None
        if (
            behind
            and behind[1] != last
            and behind.start(1) not in taken
            and (named := words.names.get(f"{body} {behind[1]}"))
        ):
            yield Mention(f"{body} {behind[1]}", behind.start(1), behind.end(1), named)
