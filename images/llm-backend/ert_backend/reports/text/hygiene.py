"""Content filter: checks whether a sentence contains content that no report may have, in any form. No I/O.

It checks the original, the folded form, and the letters without the signs and spaces between them, so that
`b-u-y n o w`, `gu4ranteed` and `evil dot com` are recognised. The company's own name is exempt.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ert_backend.reports.text import banned
from ert_backend.reports.text.plain import folded, plain, strange, unaccented

SPELLED = re.compile(r"(?<![a-z0-9])[a-z](?:[^a-z0-9]{1,3}[a-z](?![a-z0-9'])){4,}")
LETTERS_APART = re.compile(r"(?<![a-z0-9])[a-z](?:[^a-z0-9]{1,3}[a-z](?![a-z0-9']))+")
WITHIN = re.compile(r"(?<=[a-z])[^a-z0-9\s]{1,3}(?=[a-z])")
BROKEN = re.compile(r"(?<=[a-z])-\s{1,3}(?=[a-z])")
SUFFIX = re.compile(
    r",? (?:inc|corp|corporation|co|ltd|limited|plc|llc|sa|ag|nv|se|company|holdings?|group)\.?$", re.IGNORECASE
)
LONGEST_NAME, LONGEST_TEXT = 80, 4000
COMPANY = "the company"


@dataclass(frozen=True, slots=True)
class Names:
    """The company's name in the forms allowed in a sentence, and its parts, which may use any alphabet."""

    spellings: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()

    def hidden(self, text: str) -> str:
        """Return `text` with `the company` in place of its name."""
        for name in self.spellings:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", COMPANY, text, flags=re.IGNORECASE)
        return text


NOBODY = Names()


@lru_cache(maxsize=64)
def names_of(company: str) -> Names:
    """Return the exempt forms of a company's name; none when the name itself is banned."""
    name = plain(company).strip()
    if not name or len(name) > LONGEST_NAME or name_fault(name):
        return NOBODY
    short = name
    for _ in range(3):
        short = SUFFIX.sub("", short).rstrip(" ,.")
    longest = dict.fromkeys(text for text in (name, name.rstrip("."), short) if len(text) > 1)
    return Names(tuple(longest), frozenset(re.findall(r"[^\W\d_]+", name.casefold())))


@lru_cache(maxsize=2048)
def name_fault(name: str) -> str | None:
    """Return the reason why a supplied name cannot be printed. `Amazon.com` and `Best Buy` can, in any alphabet."""
    shown = plain(name[:LONGEST_TEXT])
    text = folded(shown)
    dotted = re.fullmatch(r"[\w-]{2,30}\.(?:com|net|org|io|ai|co)((?:,? [\w.&-]{1,20}){0,4})", text)
    return _worded(dotted[1] if dotted else text, anchored=False) or (
        None if dotted else _linked(plain(name[:LONGEST_TEXT]), text)
    )


def fault(text: str, names: Names = NOBODY) -> str | None:
    """Return the reason why a sentence cannot be printed; None when it can."""
    shown = names.hidden(plain(text))
    if strange(shown, names.words):
        return "letters"
    low = folded(shown)
    found = _linked(shown, low) or _worded(low, anchored=True)
    return found or ("1" in shown and _worded(folded(shown, "i"), anchored=True)) or None


def together(texts: Sequence[str], names: Names) -> set[int]:
    """Return the positions of sentences that form banned content together with their neighbour."""
    pairs = [(i, f"{left} {right}") for i, (left, right) in enumerate(itertools.pairwise(texts))]
    return {place for i, pair in pairs if fault(pair, names) not in {None, "meta"} for place in (i, i + 1)}


def harmless(text: str, longest: int) -> str:
    """Return the printable sentences among the first `longest` characters of a supplied text."""
    sentences = re.split(r"(?<=[.!?;])\s+|\n", plain(text[:longest]))
    return " ".join(sentence for sentence in sentences if sentence.strip() and fault(sentence) in {None, "meta"})


def _linked(shown: str, low: str) -> str | None:
    dotted = (
        match for match in banned.DOMAIN.finditer(unaccented(shown)) if not match[1].isdigit() or len(match[2]) > 2
    )
    texts = {low, shown.casefold()}
    if any(dotted) or any(banned.LINK.search(text) for text in texts):
        return "link"
    if any(banned.MARKUP.search(text) for text in texts):
        return "markup"
    cipher = len(banned.CIPHER.findall(shown)) > 2
    return "encoded" if cipher or banned.ENCODED.search(shown) or SPELLED.search(low) else None


def _worded(low: str, anchored: bool) -> str | None:
    low = banned.SAFE.sub(" ", low)
    joined = WITHIN.sub("", LETTERS_APART.sub(lambda run: re.sub("[^a-z0-9]", "", run[0]), BROKEN.sub("", low)))
    letters = re.sub("[^a-z]+", "", low)
    kinds = (
        ("order", banned.ORDER, banned.ORDER_RUN),
        ("advice", banned.ADVICE, banned.ADVICE_RUN),
        ("accusation", banned.ACCUSATION, banned.ACCUSATION_RUN),
        ("meta", banned.META, None),
    )
    for name, words, run in kinds:
        # `Grab Holdings` and `Best Buy` start or end like a recommendation.
        texts = {low, joined} if anchored or name != "advice" else {f"it is {low}"}
        if any(words.search(text) for text in texts) or (run and run.search(letters)):
            return name
    return None
