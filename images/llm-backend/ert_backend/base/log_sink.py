"""Log sink: accepts lines and never blocks or raises, even when stdout is blocked or closed. Standard library only.

A reader that hangs, has exited or has a full disk must not block the caller, so a separate thread writes the lines.
Lines that do not fit in the buffer are dropped, and their number is logged once there is space again.
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
    """A text stream for `logging` that writes to a descriptor. `lost` is the number of dropped lines."""

    def __init__(self, descriptor: int = 1, most: int = MOST_LINES) -> None:
        self.descriptor = descriptor
        self.lost = 0
        self._lines: queue.Queue[str] = queue.Queue(most)
        self._writing: threading.Thread | None = None

    def write(self, text: str) -> int:
        """Queue the text; drop it when the queue is full."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.lost += 1
            return len(text)
        if self._writing is None or not self._writing.is_alive():
            self._begin()
        return len(text)

    def flush(self) -> None:
        """Do nothing: the queued lines are written as soon as possible."""

    def settle(self, seconds: float) -> None:
        """Wait up to `seconds` until the queue is written."""
        until, pause = boot_seconds() + seconds, threading.Event()
        while self._lines.unfinished_tasks and boot_seconds() < until:
            pause.wait(0.005)

    def _begin(self) -> None:
        thread = threading.Thread(target=self._work, name="log", daemon=True)
        # If no thread can be started now, the line remains queued until the next one.
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
