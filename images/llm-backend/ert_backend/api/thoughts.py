"""Thinking splitter: separates a model's thinking from its output, in chunks or at once. No I/O.

An engine's own parser misses a channel or a tag occasionally, and the thinking is then part of the output. Recognised
are the tags of `engine/thoughts.py`, the channels of gpt-oss, and the remains of these channels without their markers
(`analysis...assistantfinal`). A closing tag without an opening one makes everything before it thinking; a stream has
already sent that, so only the tag itself is removed there. Thinking in prose (`Thinking process:`) and tags that
a user may have requested (`<analysis>`) are kept in a chat: only reports remove them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from ert_backend.engine.thoughts import HARMONY_WORDS, WORDS, closes, tags

_MARK = re.compile(rf"(?<!`)(?:{tags(WORDS)})|<\|(?P<token>{HARMONY_WORDS})\|>", re.IGNORECASE)
# The start of a possible mark that the next chunk may complete; in backticks it is an example, and no mark.
_PARTIAL = re.compile(
    r"`?(?:&(?:lt?)?|\[/?[A-Z]{0,8}|<\|channel>\s?[a-z]{0,8}|(?:<|&lt;|\uff1c|\u25c1)"
    rf"(?:[|\uff5c/\sa-z_:]{{0,24}}|[|\uff5c]?\s?/?\s?(?:[a-z_]{{1,12}}:)?(?:{WORDS})\s[^<>]{{0,100}})(?:&g?t?)?)\Z|`\Z",
    re.IGNORECASE,
)
_LONGEST_PARTIAL = 140
_MAY_BEGIN = re.compile("[<&\uff1c\u25c1\\[`]")
_LINE_ENDS = re.compile(r"[\r\n]*")
_GLUED = re.compile(r"\A\s*(?:analysis|commentary)(?=[A-Z])")
_MAY_BE_GLUED = ("analysis", "commentary")
_TURN = re.compile(r"assistant(final|analysis|commentary)")
_LONGEST_TURN = len("assistantcommentary")


class _Mode(Enum):
    """The kind of the input that follows."""

    UNDECIDED = "the first characters"
    ANSWER = "answer"
    THOUGHT = "thought"
    GLUED = "thought, without markers"
    HEADER = "the name of a channel, or a role"


@dataclass(slots=True)
class Splitter:
    """Splits text as it arrives; `feed` and `close` return the new output and the new thinking, in that order.

    After `close`, `answer` and `thought` are complete; text before an unpaired closing tag is part of `thought`.
    """

    answer: str = ""
    thought: str = ""
    mode: _Mode = _Mode.UNDECIDED
    waiting: str = ""
    header: str = ""
    _said: list[str] = field(default_factory=list)
    _thought: list[str] = field(default_factory=list)
    _new_said: list[str] = field(default_factory=list)
    _new_thought: list[str] = field(default_factory=list)

    def feed(self, text: str) -> tuple[str, str]:
        """Add one piece."""
        if self.mode is _Mode.ANSWER and not self.waiting and not _MAY_BEGIN.search(text):
            self._said.append(text)
            return text, ""
        return self._work(self.waiting + text, last=False)

    def close(self) -> tuple[str, str]:
        """Return all input that was held back."""
        rest = self._work(self.waiting, last=True)
        self.thought, said = "".join(self._thought).strip(), "".join(self._said)
        self.answer = said.lstrip() if self.thought else said
        return rest

    def _work(self, text: str, last: bool) -> tuple[str, str]:
        self._new_said, self._new_thought = [], []
        self.waiting, at = "", 0
        while at < len(text):
            before = self.mode, at
            at = self._step(text, at, last)
            if (self.mode, at) == before:
                self.waiting = text[at:]
                break
        return "".join(self._new_said), "".join(self._new_thought)

    def _step(self, text: str, at: int, last: bool) -> int:
        """Process the text at `at` and return the next position, or the same one when more input is needed."""
        if self.mode is _Mode.UNDECIDED:
            return self._decide(text, at, last)
        if self.mode is _Mode.GLUED:
            return self._glued(text, at, last)
        mark = _MARK.search(text, at)
        if mark is not None:
            self._put(text[at : mark.start()])
            self._turn(mark)
            blanks = _LINE_ENDS.match(text, mark.end()) if mark["token"] is None and closes(mark) else None
            return blanks.end() if blanks else mark.end()
        open_at = None if last else _PARTIAL.search(text, max(at, len(text) - _LONGEST_PARTIAL))
        end = open_at.start() if open_at else len(text)
        self._put(text[at:end])
        return end

    def _decide(self, text: str, at: int, last: bool) -> int:
        start = text[at : at + 200].lstrip()
        if not last and len(start) <= max(map(len, _MAY_BE_GLUED)) and _could_be_glued(start):
            return at
        found = _GLUED.match(text)
        self.mode = _Mode.GLUED if found else _Mode.ANSWER
        return found.end() if found else at

    def _glued(self, text: str, at: int, last: bool) -> int:
        if found := _TURN.search(text, at):
            self._think(text[at : found.start()])
            self.mode = _Mode.ANSWER if found[1] == "final" else _Mode.GLUED
            return found.end()
        end = len(text) if last else max(at, len(text) - _LONGEST_TURN)
        self._think(text[at:end])
        return end

    def _put(self, text: str) -> None:
        if self.mode is _Mode.ANSWER:
            self._said.append(text)
            self._new_said.append(text)
        elif self.mode is _Mode.THOUGHT:
            self._think(text)
        else:
            self.header += text

    def _think(self, text: str) -> None:
        self._thought.append(text)
        self._new_thought.append(text)

    def _turn(self, mark: re.Match[str]) -> None:
        word = (mark["token"] or "").lower()
        if word in {"channel", "start"}:
            self.mode, self.header = _Mode.HEADER, ""
        elif word == "message":
            named = self.header.split()[:1]
            spoken = named in ([], ["final"], ["assistant"])
            self.mode = _Mode.ANSWER if spoken else _Mode.THOUGHT
        elif word in {"end", "call", "return"}:
            self.mode = _Mode.ANSWER
        elif not word and closes(mark):
            if self.mode is _Mode.ANSWER:
                self._thought += self._said
                self._said.clear()
            self.mode = _Mode.ANSWER
        elif not word:
            self.mode = _Mode.THOUGHT


def split(text: str) -> tuple[str, str]:
    """Split a complete response into its output and its thinking."""
    splitter = Splitter()
    splitter.feed(text)
    splitter.close()
    return splitter.answer, splitter.thought


def _could_be_glued(start: str) -> bool:
    return any(word.startswith(start[: len(word)]) for word in _MAY_BE_GLUED)
