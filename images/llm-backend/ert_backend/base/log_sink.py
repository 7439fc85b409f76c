"""Takes lines for the log and never blocks or raises, whatever became of the other end. Standard library only.

A reader that stands still, is gone, or has a full disk must not stop who writes: a thread of its own does the writing.
What it cannot get rid of in time is left out, and counted in the log once there is room again.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading

from ert_backend.base.clock import boot_seconds

MOST_LINES = 2000


class LogSink:
    """A text stream as `logging` needs one, onto a descriptor. `lost` counts the lines that were left out."""

    def __init__(self, descriptor: int = 1, most: int = MOST_LINES) -> None:
        self.descriptor = descriptor
        self.lost = 0
        self._lines: queue.Queue[str] = queue.Queue(most)
        self._writing: threading.Thread | None = None

    def write(self, text: str) -> int:
        """Take the text; it is left out when too much waits already."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.lost += 1
            return len(text)
        if self._writing is None or not self._writing.is_alive():
            self._begin()
        return len(text)

    def flush(self) -> None:
        """Nothing: what was taken is written as soon as that can be done."""

    def settle(self, seconds: float) -> None:
        """Give what was taken up to `seconds` to be written."""
        until, pause = boot_seconds() + seconds, threading.Event()
        while self._lines.unfinished_tasks and boot_seconds() < until:
            pause.wait(0.005)

    def _begin(self) -> None:
        thread = threading.Thread(target=self._work, name="log", daemon=True)
        # No thread to be had now: the line waits for the next one.
        with contextlib.suppress(RuntimeError, MemoryError):
            thread.start()
            self._writing = thread

    def _work(self) -> None:
        while True:
            text = self._lines.get()
            lost, self.lost = self.lost, 0
            if lost:
                text = f"{lost} log lines were left out\n{text}"
            self._put(text.encode(errors="replace"))
            self._lines.task_done()

    def _put(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.descriptor, data) :]
            except BlockingIOError:
                with contextlib.suppress(OSError, ValueError):
                    select.select([], [self.descriptor], [], 1.0)
            except OSError:
                self.lost += 1
                return
