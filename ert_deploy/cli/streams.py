"""Safe stdout and stderr of a command: output has no credentials, control characters or runner commands.

All output uses these streams: of commands, click, library warnings and log records. Only styles and the live line of
this program bypass the filter, through `own` and `Painted`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TextIO, cast

import click

from ert_deploy.core import redaction
from ert_deploy.core.model.text import inert, obeyed_by_no_runner, painted

CLOSED = 141  # exit code where the reader of stdout has gone: 128 and SIGPIPE, as a shell reports it
SAID: dict[str, str] = {}  # the last error of this process: summary, detail and hint


class SafeStream(io.TextIOBase):
    """Text stream that filters the text for another one. `buffer` is the unfiltered buffer of the other stream.

    If the reader of the other one has gone, the rest is dropped: a run goes on without anyone who reads its progress.
    """

    def __init__(self, target: TextIO) -> None:
        self.target = target
        self._mid_line = False
        self._encoding = "utf-8"

    def write(self, text: str) -> int:
        """Write the filtered `text`."""
        return self.own(safe(text, mid_line=self._mid_line), of=text)

    def own(self, text: str, of: str | None = None) -> int:
        """Write trusted text without filtering; return the length of `of`, which it replaces."""
        if text:
            self._mid_line = not text.endswith("\n")
            with self.to_reader():
                self.target.write(text)
        return len(text if of is None else of)

    def flush(self) -> None:
        """Flush the underlying stream."""
        with self.to_reader():
            self.target.flush()

    @contextmanager
    def to_reader(self) -> Iterator[None]:
        """Run the block, which writes; if the reader is gone, discard all that follows."""
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.target.fileno())  # also what Python has buffered, and flushes when it ends
            os.close(nowhere)
            self.lost()

    def lost(self) -> None:
        """Called once the reader has gone."""

    def isatty(self) -> bool:
        """Whether the underlying stream is a terminal."""
        return self.target.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the underlying stream."""
        return self.target.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    @property
    def buffer(self) -> IO[bytes]:
        """Unfiltered buffer, for bytes that the user requested explicitly."""
        return cast("IO[bytes]", _Unfiltered(self))

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding that supports all characters; the underlying stream encodes those that it does not support."""
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """Error handler for text that cannot be encoded."""
        return "backslashreplace"


class _Unfiltered:
    """Bytes for the buffer under a stream; a file of its own would close that one when it is collected."""

    def __init__(self, stream: SafeStream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        """Write bytes as they are."""
        with self._stream.to_reader():
            self._stream.target.buffer.write(data)
        return len(data)

    def flush(self) -> None:
        """Flush the buffer."""
        with self._stream.to_reader():
            self._stream.target.buffer.flush()


class Output(SafeStream):
    """The stdout of a command: the command ends if its reader is gone, as `head` does after its lines."""

    def lost(self) -> None:
        """Raise SystemExit, with the code of a process that a closed pipe has killed."""
        sys.exit(CLOSED)


class Painted(SafeStream):
    """Stream for drawing on a terminal: passes color and cursor movements, but no titles or links.

    External text must be sanitized first. Its encoding is that of the terminal, so that nothing is drawn that it lacks.
    """

    def __init__(self, target: TextIO) -> None:
        super().__init__(target)
        self._encoding = target.encoding or "ascii"

    def write(self, text: str) -> int:
        """Write the filtered `text`."""
        return self.own(redaction.clean(painted(text)), of=text)


def safe(text: str, *, mid_line: bool = False) -> str:
    """Return the text without credentials, control characters and runner commands."""
    shown = redaction.clean(inert(text))
    if mid_line:
        first, end, rest = shown.partition("\n")
        return first.replace("##[", "# #[") + end + obeyed_by_no_runner(rest)
    return obeyed_by_no_runner(shown)


@contextmanager
def guarded(env: Mapping[str, str]) -> Iterator[None]:
    """Replace stdout and stderr by safe streams, and register the secrets in the environment."""
    redaction.HELD.hold_named(env)
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = Output(before[0]), SafeStream(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _fitted(text: str) -> str:
    """Return one line of an error in lines that fit the terminal, below its own first word."""
    from ert_deploy.cli.rows import fitted

    label = text.partition(": ")[0]
    return fitted(safe(text), len(label) + 2)


def say_error(summary: str, detail: str = "", hint: str = "") -> None:
    """Print an error to stderr in the common format, with a single write so that no secret is split."""
    SAID.update(summary=summary, detail=detail, hint=hint)
    stream = sys.stderr
    ends = _fitted if stream.isatty() else str
    lines = [ends(f"error: {summary}"), *(f"  {line.rstrip()}" for line in detail.splitlines())]
    text = safe("\n".join([*lines, ends(f"hint: {hint}")] if hint else lines))
    if isinstance(stream, SafeStream) and stream.isatty() and "NO_COLOR" not in os.environ:
        text = click.style("error: ", fg="red", bold=True) + text.removeprefix("error: ")
        stream.own(f"{text}\n")
        stream.flush()
    else:
        click.echo(text, err=True)
