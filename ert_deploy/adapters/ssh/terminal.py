"""A remote shell on the local terminal: raw keys one way, raw output the other, and the size of the window.

It is given a channel and knows nothing of keys. Output is not sanitised: a terminal on the other side is the point.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHUNK = 32768


def size() -> tuple[int, int]:
    """Columns and rows of our terminal."""
    found = shutil.get_terminal_size()
    return found.columns, found.lines


def kind() -> str:
    """The terminal's type."""
    return os.environ.get("TERM", "") or "dumb"


def attach(channel: Any) -> None:
    """Connect stdin and stdout with the channel until it ends; the terminal is put back in any case."""
    with _raw(sys.stdin.fileno()), _resizing(channel):
        _pump(channel, sys.stdin.fileno(), sys.stdout.fileno())


def _pump(channel: Any, keys: int, screen: int) -> None:
    """Both ways. The end of what is typed is passed on; the shell then ends by itself."""
    sources: list[Any] = [channel, keys]
    while True:
        ready = select.select(sources, [], [])[0]
        if channel in ready:
            data = channel.recv(CHUNK)
            if not data:
                return
            _write_all(screen, data)
        if keys in ready:
            typed = os.read(keys, CHUNK)
            if typed:
                channel.sendall(typed)
            else:
                sources.remove(keys)
                channel.shutdown_write()


def _write_all(screen: int, data: bytes) -> None:
    while data:
        data = data[os.write(screen, data) :]


@contextmanager
def _raw(keys: int) -> Iterator[None]:
    before = termios.tcgetattr(keys)
    try:
        tty.setraw(keys)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextmanager
def _resizing(channel: Any) -> Iterator[None]:
    before = signal.signal(signal.SIGWINCH, lambda *_: channel.resize_pty(*size()))
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
