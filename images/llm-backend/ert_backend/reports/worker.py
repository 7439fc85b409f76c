"""Writer process: `python -m ert_backend.reports.worker`, started and controlled by `writer`.

Steps are read from stdin and written to stdout, each as JSON with a length prefix of four bytes. The process has no
engine, no network and no secrets, writes one report at a time, and exits with its stdin. The kernel terminates it when
a report exceeds its processor time (RLIMIT_CPU, which also interrupts a regular expression), and limits its memory to
`MEMORY`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

from ert_backend.engine.protocol import EngineFailed
from ert_backend.reports.report import write_report
from ert_backend.reports.steps import Answer, Begin, Done, Step, Tell, Unwritten, Writing, decoded, encoded

MEMORY = 1 << 30
LENGTH = 4


def main() -> int:
    """Run until stdin is closed."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # not supported on every system
        _soften(resource.RLIMIT_DATA, MEMORY)
    writing: Writing[dict[str, Any]] | None = None
    while (step := _received(source)) is not None:
        if isinstance(step, Begin):
            _soften(resource.RLIMIT_CPU, int(time.process_time()) + 1 + step.cpu_seconds)
            writing = write_report(step.request, step.report_id, step.room, step.origin)
        if writing is None:
            return 1
        for text in _advanced(writing, None if isinstance(step, Begin) else step):  # type: ignore[arg-type]
            sink.write(len(text).to_bytes(LENGTH, "big") + text)
        sink.flush()
    return 0


def _soften(kind: int, limit: int) -> None:
    """Set the soft limit; the hard limit, which cannot be raised again, is unchanged."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _received(source: IO[bytes]) -> Step | None:
    """Read the next step; None at the end."""
    head = source.read(LENGTH)
    return decoded(source.read(int.from_bytes(head, "big"))) if len(head) == LENGTH else None


def _advanced(writing: Writing[dict[str, Any]], answer: Answer | None) -> Iterator[bytes]:
    """Yield the writer's steps up to its next request or its end. No error contains any input."""
    try:
        said = writing.send(answer)
        while isinstance(said, Tell):
            yield encoded(said)
            said = next(writing)
        yield encoded(said)
    except StopIteration as end:
        yield _last(end.value)
    except EngineFailed as error:
        yield encoded(Unwritten(str(error)))
    except Exception as error:
        yield encoded(Unwritten("", type(error).__name__))


def _last(report: dict[str, Any]) -> bytes:
    try:
        return encoded(Done(report))
    except ValueError as error:
        return encoded(Unwritten("", type(error).__name__))


if __name__ == "__main__":
    sys.exit(main())
