"""Standard output and error of a command: what is written there holds no secret and commands no terminal and no runner.

Everything is printed through these two, whoever prints it: a command, click, a library's warning, a log record. Colours
and the live line of a run come from us and go through `own` and `Painted`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TextIO

import click

from ert_deploy.core import redaction
from ert_deploy.core.model.text import inert, obeyed_by_no_runner, painted


class SafeStream(io.TextIOBase):
    """A text stream in front of another one. `write` takes text of anybody; `buffer` is the other one's, as it is."""

    def __init__(self, target: TextIO) -> None:
        self.target = target
        self._mid_line = False

    def write(self, text: str) -> int:
        """Write what is left of `text`."""
        return self.own(safe(text, mid_line=self._mid_line), of=text)

    def own(self, text: str, of: str | None = None) -> int:
        """Write text of ours as it is; the length of `of`, whose place it takes."""
        if text:
            self._mid_line = not text.endswith("\n")
            self.target.write(text)
        return len(text if of is None else of)

    def flush(self) -> None:
        """Pass on what is held back."""
        self.target.flush()

    def isatty(self) -> bool:
        """Whether a terminal is at the end of it."""
        return self.target.isatty()

    def fileno(self) -> int:
        """The other one's."""
        return self.target.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    @property
    def buffer(self) -> IO[bytes]:
        """For bytes that somebody asked for as they are."""
        return self.target.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """One that can hold everything: what the other one's cannot is escaped there."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What becomes of text that cannot be encoded."""
        return "backslashreplace"


class Painted(SafeStream):
    """For what draws on a terminal: colours and moves on the screen pass, titles and links do not.

    Text of others must have been made safe before.
    """

    def write(self, text: str) -> int:
        """Write what is left of `text`."""
        return self.own(redaction.clean(painted(text)), of=text)


def safe(text: str, *, mid_line: bool = False) -> str:
    """Text of anybody without secrets, and without what a terminal or a runner would obey."""
    shown = redaction.clean(inert(text))
    if mid_line:
        first, end, rest = shown.partition("\n")
        return first.replace("##[", "# #[") + end + obeyed_by_no_runner(rest)
    return obeyed_by_no_runner(shown)


@contextmanager
def guarded(env: Mapping[str, str]) -> Iterator[None]:
    """Standard output and error are safe within; the secrets of the environment are known from here on."""
    redaction.HELD.hold_named(env)
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = SafeStream(before[0]), SafeStream(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def say_error(summary: str, detail: str = "", hint: str = "") -> None:
    """An error as every command says it, on stderr and in one piece, so that no secret is split over writes."""
    lines = [f"error: {summary}", *(f"  {line.rstrip()}" for line in detail.splitlines())]
    text = safe("\n".join([*lines, f"hint: {hint}"] if hint else lines))
    stream = sys.stderr
    if isinstance(stream, SafeStream) and stream.isatty() and "NO_COLOR" not in os.environ:
        text = click.style("error: ", fg="red", bold=True) + text.removeprefix("error: ")
        stream.own(f"{text}\n")
        stream.flush()
    else:
        click.echo(text, err=True)
