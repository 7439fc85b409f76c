"""Draft format: the JSON schema of a model's output, and its parser: sentences with the ids of their facts. No I/O.

The schema's enum contains only the ids of the supplied facts, so that a reference to another fact cannot be generated.
The output of engines that do not enforce a schema is parsed leniently: complete sentences of truncated JSON are used,
and plain text is parsed as such.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ert_backend.engine.thoughts import split
from ert_backend.reports.text import answer
from ert_backend.reports.text.plain import plain

MAX_SENTENCES = 16
MAX_EVIDENCE = 6
# Limits of one output: characters that are parsed, and sentences that are used.
MAX_ANSWER, MAX_UNITS = 20_000, 80
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bInc\.)(?<!\bvs\.)\s+(?=[A-Z\[\"'“(*$€£])")
BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
CONTROL = re.compile(
    r"<\|[^|>]{0,60}\|?>|<(?:start|end)_of_turn>|\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<</?SYS>>|</?s>"
    r"|</?think(?:ing)?>|</?tool_(?:call|response)>|<\uff5c[^>]{0,60}>|\[(?:BOS|EOS|UNK|PAD)\]",
    re.IGNORECASE,
)
LAYOUT = re.compile(r"^[^\S\n]*```\w*[^\S\n]*$|^[^\S\n]*#{1,6}\s.*$|^[^\S\n]*[-=_*]{3,}[^\S\n]*$", re.MULTILINE)
TAG = re.compile(r"</?[A-Za-z!][^<>]{0,200}>")
FORM = (
    ' Answer as JSON: {"sentences": [{"text": "Revenue came to [[totalRevenue]].", "facts": ["totalRevenue"],'
    ' "starts": "paragraph"}]}. `facts` lists the ids the sentence rests on, [] for none. `starts` is "paragraph" for'
    ' the first sentence of a paragraph, "bullet" for a point of a list, else "sentence".'
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence: `lead` is its prefix (a break, a bullet or a space), `cited` are its fact ids."""

    text: str
    lead: str
    cited: tuple[str, ...] = ()


def schema(ids: Iterable[str]) -> dict[str, object]:
    """Return the JSON schema of an output that may cite these facts; flat, because it is compiled to a grammar."""
    names = list(ids)
    facts: dict[str, object] = {"type": "array", "items": {"type": "string", "enum": names}, "maxItems": MAX_EVIDENCE}
    sentence: dict[str, object] = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "facts": facts if names else {"type": "array", "maxItems": 0},
            "starts": {"type": "string", "enum": ["sentence", "paragraph", "bullet"]},
        },
        "required": ["text", "facts", "starts"],
        "additionalProperties": False,
    }
    rows = {"type": "array", "items": sentence, "minItems": 1, "maxItems": MAX_SENTENCES}
    return {
        "type": "object",
        "properties": {"sentences": rows},
        "required": ["sentences"],
        "additionalProperties": False,
    }


def units(text: str, complete: bool) -> list[Unit]:
    """Parse the first sentences of an output, in order."""
    complete = complete and len(text) <= MAX_ANSWER
    read = answer.read(text[:MAX_ANSWER])
    if read.rows is not None:
        found: Iterator[Unit] = (unit for row in read.rows for unit in _split_row(row))
    else:
        found = _plain(clean(read.text, complete))
    return list(itertools.islice(found, MAX_UNITS))


def clean(text: str, complete: bool) -> str:
    """Remove thinking, control tokens, HTML, headings and fences, and an incomplete last sentence."""
    text = _without_fenced(CONTROL.sub("", plain(split(text, strict=True).content)))
    text = re.sub(r"<{2,}|>{2,}", "", text)
    text = LAYOUT.sub("", TAG.sub("", text))
    if not complete:
        ends = [match.end() for match in re.finditer(r"[.!?][\"')\]]*(?=\s|$)", text)]
        text = text[: ends[-1]] if ends else ""
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _without_fenced(text: str) -> str:
    """Remove the text between `<<` and the next `>>`, including these."""
    kept, place = [], 0
    while (start := text.find("<<", place)) >= 0 and (end := text.find(">>", start + 2)) >= 0:
        kept.append(text[place:start])
        place = end + 2
        while text.startswith(">", place):
            place += 1
    return "".join((*kept, text[place:]))


def _split_row(row: Mapping[str, object]) -> Iterator[Unit]:
    text, facts, starts = row.get("text"), row.get("facts"), row.get("starts")
    if not isinstance(text, str):
        return
    cited = tuple(name for name in facts if isinstance(name, str)) if isinstance(facts, list) else ()
    lead = {"paragraph": "\n\n", "bullet": "\n- "}.get(str(starts), " ")
    body = BULLET.sub("", " ".join(clean(text, complete=True).split()))
    for number, sentence in enumerate(SENTENCE_END.split(body)):
        yield Unit(sentence.strip(), " " if number else lead, cited)


def _plain(text: str) -> Iterator[Unit]:
    gap = "\n\n"
    for line in text.split("\n"):
        bullet = BULLET.match(line)
        lead = "\n- " if bullet else gap
        for sentence in SENTENCE_END.split(line[bullet.end() :] if bullet else line):
            if sentence.strip():
                yield Unit(sentence.strip(), lead)
                lead = " "
        gap = "\n\n" if not line.strip() else "\n"
