"""Output parser: extracts the JSON objects with sentences from a model's reply, or else its text. No I/O.

A reply may start with thinking, wrap its JSON in Markdown or in prose, nest it in another object, or be truncated.
Tags within a JSON string belong to a sentence and end no thinking. Any other content that looks like JSON is discarded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ert_backend.engine.thoughts import Span, spans

Row = Mapping[str, object]
# Bounds the time to a multiple of the reply's length, for input that only looks like objects.
EFFORT = 4
DEPTH = 3
OPENED = re.compile(r"\{\s{0,20}\"|\[\s{0,20}\{|^\s{0,20}[\[{]\s{0,20}$", re.MULTILINE)
BEGINS = re.compile(r"\{\s{0,50}[\"}]")
HIDDEN = "\ufffc"
DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of sentences, or None for a reply in plain `text`."""

    rows: tuple[Row, ...] | None
    text: str


def read(reply: str) -> Answer:
    """Parse `reply` without the thinking before the output."""
    found = list(_objects(reply))
    hidden = _blank(reply, [span for span, _ in found])
    kept = spans(hidden, strict=True)
    answered = [value for (start, end), value in found if any(a <= start and end <= b for a, b in kept)]
    rows = [row for value in answered for row in _sentences(value, DEPTH)]
    rows = rows or [value for value in answered if isinstance(value.get("text"), str)]
    text = "\n".join(hidden[start:end] for start, end in kept).replace(HIDDEN, "")
    opened = OPENED.search(text)
    text = text[: opened.start()] if opened else text
    if rows or (opened and not text.strip()) or (found and not text.strip()):
        return Answer(tuple(rows), "")
    return Answer(None, text)


def _objects(reply: str) -> Iterator[tuple[Span, Row]]:
    """Yield JSON objects in order, including those of an outer one that is truncated."""
    place, effort = 0, EFFORT * len(reply)
    while effort > 0 and (begins := BEGINS.search(reply, place)):
        start = begins.start()
        try:
            value, place = DECODER.raw_decode(reply, start)
        except (ValueError, RecursionError) as error:
            effort -= _spent(error, start, len(reply))
            place = start + 1
        else:
            yield (start, place), value


def _spent(error: ValueError | RecursionError, start: int, length: int) -> int:
    """Return the characters that the decoder read before it failed, plus the cost of counting lines for its message.

    An unterminated string is reported at its start.
    """
    if isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated"):
        return error.pos - start + error.pos // 16 + 1
    return length - start


def _sentences(value: object, depth: int) -> Iterator[Row]:
    """Yield the rows of `sentences`, at most `depth` objects deep; a plain string is a row of its own."""
    if isinstance(value, dict):
        rows = value.get("sentences")
        if isinstance(rows, list):
            yield from ({"text": row} if isinstance(row, str) else row for row in rows if isinstance(row, dict | str))
        elif depth:
            for inner in value.values():
                yield from _sentences(inner, depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value:
            yield from _sentences(inner, depth - 1)


def _blank(text: str, hidden: list[Span]) -> str:
    """Overwrite the hidden parts of `text`; all other characters keep their positions."""
    pieces, place = [], 0
    for start, end in hidden:
        pieces += [text[place:start], HIDDEN * (end - start)]
        place = end
    return "".join([*pieces, text[place:]])
