"""The companies that a sentence names, individually and as a group."""

from __future__ import annotations

import re
from dataclasses import replace

from ert_backend.grounding.claims.known.figures import Figures
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.names import PEERS, Names
from ert_backend.grounding.claims.sentence.term import ALL, ANY, GROUP, MEAN, MOST, NONE, Term, within

GROUPS = {"all": ALL, "both": ALL, "each": ALL, "every": ALL, "most": MOST, "none": NONE, "neither": NONE, "no": NONE}
GROUPS |= {"either": ANY, "any": ANY}
NOT_FREE = re.compile(
    r"\b(?:not|rather than|instead of|than|against|versus|vs\.?|of|like|unlike|with|by|to|over|that|those|as"
    r"|above|below|under|exceeds?"
    r"|beats?|tops?"
    r"|trails?|matches|surpass(?:es)?|lags?|and|or|behind|from|outweighs?|dwarfs?|does|is|do|are|between|twice|times"
    r"|half|outpaces?|outgrew|outgrows?)\s+(?:(?:the|that|those|both|even|at|for|of|what|its|peer|rival|in)\s+)*$"
)


def companies_in(sentence: str, text: str, known: Names, figures: Figures) -> list[Term]:
    """Return companies by name, `the company`, and the peers as a group; `named` marks one that is the subject."""
    named = [
        Term(m.start(), m.end(), owner=known.owners.get(m["named"] or "", SELF))
        for m in known.companies.finditer(sentence)
    ]
    spans = [(term.start, term.end) for term in named]
    group = [
        Term(m.start(), m.end(), owner=_group(m, figures))
        for m in PEERS.finditer(text)
        if not within(m.start(), m.end() + 2, spans)
    ]
    found = sorted([*named, *group], key=lambda term: term.start)
    return [replace(term, named=_free(text, term)) for term in found]


def _group(match: re.Match[str], figures: Figures) -> str:
    if match["mean"] or match["mean2"]:
        return MEAN
    if match["nobody"]:
        return NONE
    quantity = match["quantity"]
    if len(figures.peers) == 1 and quantity not in {"no", "none", "neither"}:
        return figures.peers[0]
    return GROUPS.get(quantity or "", GROUP)


def _free(text: str, term: Term) -> bool:
    cleft = text[: term.start].endswith(("it is ", "it was "))
    if cleft and re.match(r"(?:, (?:not|rather than) [^,;]{1,40},)? (?:that|which|who|whose) ", text[term.end :][:64]):
        return True
    if text[term.end :].startswith((" included", " alike", " considered")):
        return False
    owns = re.match(r"'s?\s", text[term.end : term.end + 3]) is not None
    return not owns and NOT_FREE.search(text[max(0, term.start - 40) : term.start]) is None
