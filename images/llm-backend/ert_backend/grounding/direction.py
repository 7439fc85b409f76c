"""Whether the text around a number agrees with the fact's sign: `fell 2%` is an error for a rise."""

from __future__ import annotations

import re

from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.numerals import Numeral

REACH = 45
DOWN = (
    r"\b(?:f[ae]ll(?:en|ing|s)?|declin\w*|decreas\w*|dropp?\w*|shr[aiu]nk\w*|contract(?:ed|ion)|down|lower|slipp\w*"
    r"|reduc\w*|negative|loss(?:es)?|lost|losing|deficit|burn\w*|below|minus|halv\w*|weaken\w*"
    r"|shortfall|outflow|deficiency|net cash)\b"
)
UP = (
    r"\b(?:r[oi]se[ns]?|rising|grew|grow[ns]?|growing|increas\w*|gain\w*|up|higher|expand\w*|climb\w*|advanc\w*"
    r"|jump\w*"
    r"|surg\w*|above|improv\w*|doubl\w*|tripl\w*|positive)\b"
)
WORD = re.compile(f"(?P<down>{DOWN})|(?P<up>{UP})", re.IGNORECASE)
NOUN = re.compile(r"\s*(?:year[- ]over[- ]year |annual |yearly |revenue |earnings )?(\w+)")
CHANGE = re.compile(r"growth|change|distance|increase", re.IGNORECASE)
LOSING = re.compile(r"\b(?:net |operating )?loss(?:es)? (?:of|was|came|amounted|totaled)?", re.IGNORECASE)


def agrees(sentence: str, numeral: Numeral, fact: Fact) -> bool:
    """Whether nothing in the text contradicts the fact's sign; a negative value requires a sign or a verb of decline.

    A number that rounds to zero has no sign.
    """
    value = fact.number or 0.0
    if fact.unit in {Unit.COUNT, Unit.NUMBER, Unit.TEXT} or numeral.signed or numeral.value == 0:
        return True
    down = _direction(sentence, numeral)
    if CHANGE.search(fact.label):
        return down is None or down == (value < 0)
    if value < 0:
        return re.search(DOWN, sentence, re.IGNORECASE) is not None
    before = sentence[max(0, numeral.start - REACH) : numeral.start]
    return re.search(r"\bloss(?:es)?\b[^,;]{0,20}$|\bnegative\b[^,;]{0,30}$|\bminus\s$", before, re.IGNORECASE) is None


def _direction(sentence: str, numeral: Numeral) -> bool | None:
    """Whether the sentence states a decrease; None if it states no direction."""
    behind = NOUN.match(sentence, numeral.end)
    if behind and (found := WORD.fullmatch(behind[1])):
        return found["down"] is not None
    before = re.split(r"[;,]|\bwhile\b|\bbut\b", sentence[: numeral.start])[-1][-REACH:]
    found_words = list(WORD.finditer(before))
    return found_words[-1]["down"] is not None if found_words else None
