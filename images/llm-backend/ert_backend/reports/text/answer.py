"""The answer inside a model's reply: the objects with sentences wherever they stand, else the text. Pure, linear.

A reply may think first, wrap its JSON in Markdown or in words, hold it within another object, or break off in it. Tags
inside a JSON string are part of a sentence and end no thought. What else looks like JSON is never prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ert_backend.engine.thoughts import Span, spans

Row = Mapping[str, object]
# A reply is read in time that grows with its length: so many times its length may be spent on objects that are none.
EFFORT = 4
DEPTH = 3
OPENED = re.compile(r"\{\s{0,20}\"|\[\s{0,20}\{|^\s{0,20}[\[{]\s{0,20}$", re.MULTILINE)
BEGINS = re.compile(r"\{\s{0,50}[\"}]")
HIDDEN = "\ufffc"
DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of sentences, or None where the reply is plain `text`."""

    rows: tuple[Row, ...] | None
    text: str


def read(reply: str) -> Answer:
    """What `reply` answers, without what was thought before it."""
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
    """JSON objects in order, also those of an outer one that broke off."""
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
    """How far the decoder read before it gave up, and counted lines for its message (quickly).

    An open string is reported at its beginning.
    """
    if isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated"):
        return error.pos - start + error.pos // 16 + 1
    return length - start


def _sentences(value: object, depth: int) -> Iterator[Row]:
    """The rows under `sentences`, at most `depth` objects down; a bare text is a row of its own."""
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
    """`text` with its hidden parts filled up; every character stays where it was."""
    pieces, place = [], 0
    for start, end in hidden:
        pieces += [text[place:start], HIDDEN * (end - start)]
        place = end
    return "".join([*pieces, text[place:]])
