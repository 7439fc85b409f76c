"""Thinking filter: separates a model's thinking from its output, in any form that an engine's parser misses. No I/O.

The output is the content of the final channel, or all that follows the last closing tag; everything before it is
thinking, even if the opening tag or the channel's marker is missing. Tags in Markdown code are ignored. The time is
in proportion to the length of the response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Span = tuple[int, int]
_OPENS, _SHUTS = "(?:<|&lt;|\uff1c|\u25c1)[|\uff5c]?", "[|\uff5c]?(?:>|&gt;|\uff1e|\u25b7)"
WORDS = "think(?:ing)?|thoughts?|reason(?:ing)?"
_MORE_WORDS = "reflection|scratch_?pad|analysis|(?:inner_)?monologue"


def tags(words: str) -> str:
    """Return a pattern for tags of these names, which start or end a block of thinking.

    `<think>`, `</seed:think>`, `[/THINK]`, `<|end_of_thought|>`, `<|START_THINKING|>`, Gemma's `<|channel>thought`.
    """
    name = rf"(?:[a-z_]{{1,12}}:)?(?:{words})"
    return (
        rf"{_OPENS}\s?(?P<slash>/?)\s?{name}(?:\s[^<>]{{0,100}})?(?P<empty>/?)\s?{_SHUTS}"
        rf"|\[(?P<bracket>/?)THINK(?:ING)?\]|{_OPENS}(?P<word>begin|start|end)_(?:of_)?(?:thoughts?|thinking){_SHUTS}"
        r"|(?P<gemma><\|channel>\s?(?:thought|analysis)|<channel\|>)"
    )


TAG = re.compile(
    rf"{tags(f'{WORDS}|{_MORE_WORDS}')}|(?P<done>^\.{{3}}done thinking\.\s*$)", re.IGNORECASE | re.MULTILINE
)
NAMED = re.compile("think|thought|reason|reflect|scratch|analysis|monologue|channel", re.IGNORECASE)
CODE = re.compile(r"^```[^\n]*\n(?:(?!```)[^\n]*\n)*```|`[^`\n]{1,200}`", re.MULTILINE)
HARMONY_WORDS = "channel|message|start|end|return|call|constrain"
HARMONY = re.compile(rf"<\|({HARMONY_WORDS})\|>", re.IGNORECASE)
MARKS = re.compile(
    r"<\|start\|>(?:assistant)?|<\|channel\|>\s?\w*|<\|(?:message|end|return|call|constrain)\|>", re.IGNORECASE
)
ROLE = re.compile(r"\s?assistant\s?")
ENDS = {"start", "end", "return", "call", "channel"}
# Channels without their special tokens: `analysisWe need ... assistantfinalRevenue came to`.
BARE_START = re.compile(r"\s*(?:assistant\s?)?(?:analysis|commentary)(?=\s?[A-Z{\"'(]|\s*\n| ?to=|\s*\Z)")
BARE_FINAL = re.compile(r"assistant\s{0,3}final\s*")
BARE_END = re.compile(r"assistant\s{0,3}final\s{0,3}\Z")
GLUED_FINAL = re.compile(r"(?<![\s\w`'\"])assistantfinal\s*|^assistantfinal\s*", re.MULTILINE)
TOLD_START = re.compile(
    r"\s*(?:#{1,6} |\*\*)?(?:chain of thought\b"
    r"|(?:my )?(?:thinking|thought|reasoning)(?: process)?(?:\*\*)?\s?(?::|\.{3}|\n))",
    re.IGNORECASE,
)
TOLD_FINAL = re.compile(
    r"^(?:#{1,6} |\*\*)?(?:the )?final (?:answer|output|response|version|text|draft)(?:\*\*)?\s?:?(?:\*\*)?\s*",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A model's output, and its thinking."""

    content: str
    thinking: str


def split(text: str, strict: bool = False) -> Spoken:
    """Split `text` into the output and the thinking around it; without any marker all of it is output.

    With `strict`, a response that starts with `Thinking process:` is thinking even if no `Final answer:` follows.
    """
    kept = spans(text, strict)
    if kept == [(0, len(text))]:
        return Spoken(text, "")
    content = "".join(text[start:end] for start, end in kept).strip()
    borders = [0, *(place for span in kept for place in span), len(text)]
    thought = "\n".join(text[a:b] for a, b in zip(borders[::2], borders[1::2], strict=True))
    return Spoken(content, _unmarked(thought))


def _unmarked(thought: str) -> str:
    """Return the thinking without its markers."""
    for marker in (MARKS, TAG, BARE_END):
        thought = marker.sub("", thought)
    begins = BARE_START.match(thought)
    return thought[begins.end() if begins else 0 :].strip()


def spans(text: str, strict: bool = False) -> list[Span]:
    """Return the spans of the output in `text`, in order."""
    whole = CODE.sub(lambda code: " " * len(code[0]), text) if "`" in text else text
    kept: list[Span] = [(0, len(text))]
    for form in _FORMS:
        kept = [part for start, end in kept for part in form(whole, start, end) if part[0] < part[1]]
    if strict and kept and TOLD_START.match(whole, *kept[0]):
        return []
    return kept


def _channels(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the messages of the final channel; if no message has a channel, the last one."""
    tokens = list(HARMONY.finditer(text, start, end))
    bodies: list[tuple[str, Span]] = []
    place = start
    for index, token in enumerate(tokens):
        follows = tokens[index + 1] if index + 1 < len(tokens) else None
        until = follows.start() if follows else end
        kind = token[1].lower()
        if kind == "message":
            bodies.append((_channel(text[place : token.start()]), (token.end(), until)))
        elif kind == "channel" and not (follows and follows[1].lower() in {"message", "constrain"}):
            named = re.compile(r"\s*\w*\s*").match(text, token.end(), until)
            bodies.append((_channel(text[token.end() : until]), (named.end() if named else until, until)))
        if kind in ENDS:
            place = token.end()
    if not bodies:
        behind = tokens[-1].end() if tokens else start
        if tokens and (role := ROLE.match(text, behind, end)) and tokens[-1][1].lower() == "start":
            behind = role.end()
        yield (behind, end) if not tokens or text[behind:end].strip() else (start, tokens[0].start())
        return
    final = [span for name, span in bodies if name == "final"]
    if not final and not any(name for name, _ in bodies):
        final = [bodies[-1][1]]
    yield from final


def _channel(header: str) -> str:
    """Return the name of the channel in a header; empty when there is none."""
    word = re.match(r"(?:assistant)?\s*(\w*)", header.strip()[:40].lower())
    return word[1] if word else ""


def _tags(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the span after the last closing tag, up to an opening one after it."""
    begin, until = start, end
    if not NAMED.search(text, start, end):
        yield begin, until
        return
    for tag in TAG.finditer(text, start, end):
        if closes(tag):
            begin, until = tag.end(), end
        elif until == end:
            until = tag.start()
    yield begin, until


def closes(tag: re.Match[str]) -> bool:
    """Whether a match of `tags` ends a block of thinking."""
    word = (tag["word"] or "").lower()
    return (
        bool(tag["slash"] or tag["bracket"] or tag["empty"] or tag.groupdict().get("done"))
        or word == "end"
        or tag[0] == "<channel|>"
    )


def _bare(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the final channel where the special tokens are missing."""
    begins = BARE_START.match(text, start, end)
    found = (BARE_FINAL if begins else GLUED_FINAL).search(text, start, end)
    yield (found.end() if found else end if begins else start), end


def _told(text: str, start: int, end: int) -> Iterator[Span]:
    """Skip `Thinking process: ...` up to `Final answer:`."""
    found = TOLD_FINAL.search(text, start, end) if TOLD_START.match(text, start, end) else None
    yield (found.end() if found else start), end


_FORMS: tuple[Callable[[str, int, int], Iterator[Span]], ...] = (_channels, _tags, _bare, _told)
