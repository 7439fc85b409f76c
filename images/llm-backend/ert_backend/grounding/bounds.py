"""Size limits for input: total characters, characters per sentence, and count of distinct numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# Characters of all text of a request together and of one sentence; how many distinct numbers are kept.
MAX_READ, MAX_SENTENCE, MAX_QUOTED = 24_000, 800, 2_000


def within(texts: Mapping[str, str], room: int = MAX_READ) -> dict[str, str]:
    """Return each text in order, within the limit; the first that does not fit is truncated, the rest are empty."""
    kept = dict[str, str]()
    for name, text in texts.items():
        kept[name] = text[:room]
        room -= len(kept[name])
    return kept


def pieces(sentence: str) -> Iterator[str]:
    """Split a sentence that exceeds the limit (a table, a list) into parts, at a blank where possible."""
    place = 0
    while len(sentence) - place > MAX_SENTENCE:
        cut = sentence.rfind(" ", place + MAX_SENTENCE // 2, place + MAX_SENTENCE) + 1 or place + MAX_SENTENCE
        yield sentence[place:cut]
        place = cut
    yield sentence[place:]


def cut(text: str, window: int) -> Iterator[tuple[int, str]]:
    """Split a text at blanks into chunks of at most `window` characters, so that the cost grows with its length."""
    start = 0
    while len(text) - start > window:
        blank = text.rfind(" ", start + 1, start + window)
        end = blank if blank > 0 else start + window
        yield start, text[start:end]
        start = end
    yield start, text[start:]
