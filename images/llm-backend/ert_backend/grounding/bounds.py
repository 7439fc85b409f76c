"""How much of a supplied text is read: so many characters in all, so many as one sentence, so many numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# Characters of all texts of a request together, and of one sentence; different numbers that may be repeated.
MAX_READ, MAX_SENTENCE, MAX_QUOTED = 24_000, 800, 2_000


def within(texts: Mapping[str, str], room: int = MAX_READ) -> dict[str, str]:
    """The texts in their order for as long as there is room; the one that does not fit is cut, the rest is empty."""
    kept = dict[str, str]()
    for name, text in texts.items():
        kept[name] = text[:room]
        room -= len(kept[name])
    return kept


def pieces(sentence: str) -> Iterator[str]:
    """A sentence that is longer than one can be (a table, a list) in parts, cut between words."""
    place = 0
    while len(sentence) - place > MAX_SENTENCE:
        cut = sentence.rfind(" ", place + MAX_SENTENCE // 2, place + MAX_SENTENCE) + 1 or place + MAX_SENTENCE
        yield sentence[place:cut]
        place = cut
    yield sentence[place:]


def cut(text: str, window: int) -> Iterator[tuple[int, str]]:
    """A text in pieces of at most window characters, cut at blanks, so that the cost grows with its length."""
    start = 0
    while len(text) - start > window:
        blank = text.rfind(" ", start + 1, start + window)
        end = blank if blank > 0 else start + window
        yield start, text[start:end]
        start = end
    yield start, text[start:]
