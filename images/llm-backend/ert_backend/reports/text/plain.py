"""Text normalisation: one spelling for equivalent forms, so that the checked form is the printed one. No I/O.

`plain` is the printable form: entities decoded, Unicode look-alikes replaced, no invisible characters, no symbols.
`folded` is for comparison only: lower case without accents, digits used as letters replaced. Every function is linear
in the length of the text.
"""

from __future__ import annotations

import html
import re
import unicodedata

ENTITY = re.compile(r"&(?:#\d{1,8}|#x[0-9a-f]{1,8}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
DECODED_AT_MOST = 4
# Compatibility characters with a meaning of their own, and the allowed symbols.
OWN = "\u00bc\u00bd\u00be\u2150-\u215e\u2122\u2120"
PARTS = re.compile(f"([{OWN}])|([^{OWN}]+)")
SYMBOLS = frozenset("\u00a9\u00ae\u2122\u2120\u00b0")
# Characters without a glyph, or rendered as blank.
BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0"), " ")
SENTENCES_RUN_ON = re.compile(r"([a-z0-9)%])\.([A-Z][a-z])")
LATIN = str.maketrans(
    dict(zip("\u0131\u0142\u00f8\u0111\u0127\u0167\u014b\u0138", "ilodhtnk", strict=True))
    | {"\u00e6": "ae", "\u0153": "oe", "\u00fe": "th", "\u00f0": "d"}
)
# Signs that look like an ASCII one but have no compatibility form in common with it.
DRAWN = str.maketrans("\u3002\u06d4\u2044\u2215\u29f8\u2223\u01c0\ua789\u2236\u2010\u2011", "..///||::--")
DOTS = str.maketrans("\u00b7\u2022\u2219\u22c5\u30fb", ".....")
LEET = {one: str.maketrans("0134578@$!", f"o{one}eastbasi") for one in "li"}
MIXED = re.compile(r"[a-z0-9@$!]+")
NUMBER = re.compile(r"\$?[0-9]+(?:[kmbtx]|mn|bn|tn|th|st|nd|rd|s)")  # `13T` is a figure, not `let`
DIGIT_SIGNS = re.compile(r"[0134578@$!]")


def plain(text: str) -> str:
    """Return the printable form of `text`; line ends are kept, all other invisible characters are removed."""
    for _ in range(DECODED_AT_MOST):
        if not ENTITY.search(text):
            break
        text = html.unescape(text)
    if not text.isascii():
        text = text.translate(BLANK).translate(DRAWN)
        text = "".join(own or unicodedata.normalize("NFKC", other) for own, other in PARTS.findall(text)).translate(
            DRAWN
        )
    text = text.translate({ord(char): _printed(char) for char in set(text)})
    return SENTENCES_RUN_ON.sub(r"\1. \2", text)


def _printed(char: str) -> str:
    """Return the character, its plain form, or an empty string."""
    kind = unicodedata.category(char)
    if char in "\n\t":
        return char
    if kind in {"Zl", "Zp"}:
        return "\n"
    if kind == "Zs":
        return " "
    hidden = kind[0] == "C" or kind in {"Mn", "Me", "Sk"} or (kind == "So" and char not in SYMBOLS)
    return "" if hidden else char


def unaccented(text: str) -> str:
    """Return `text` without accents, and with ASCII dots and quotes."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text.translate(LATIN)).replace("\u2019", "'").translate(DOTS)
    return "".join(char for char in apart if not unicodedata.combining(char))


def folded(text: str, one: str = "l") -> str:
    """Return `text` in lower case without accents, with digits within a word as letters; 1 is `l` or `i`."""
    return MIXED.sub(lambda match: _as_letters(match[0], one), unaccented(text.casefold()))


def _as_letters(word: str, one: str) -> str:
    letters = any(char.isalpha() for char in word)
    figure = NUMBER.fullmatch(word)
    return word.translate(LEET[one]) if letters and DIGIT_SIGNS.search(word) and not figure else word


def strange(text: str, known: frozenset[str]) -> bool:
    """Whether any word is not Latin, or has look-alikes; `known` ones and a single `β` are allowed."""
    if text.isascii():
        return False
    words = re.findall(r"[^\W\d_]+", text)
    return any(not word.isascii() and word.casefold() not in known and not _latin(word) for word in words)


def _latin(word: str) -> bool:
    if len(word) == 1 and "\u0391" <= word <= "\u03c9":
        return True
    return all(char <= "\u017f" or "\u0218" <= char <= "\u021b" or "\u1e00" <= char <= "\u1eff" for char in word)
