"""SSH terminal: connects the local terminal to a remote shell, in raw mode, and forwards changes of its size.

It gets an open channel and handles no keys. The output is not sanitized: it is meant for a terminal.
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
    """Return columns and rows of the local terminal."""
    found = shutil.get_terminal_size()
    return found.columns, found.lines


def kind() -> str:
    """Return the terminal type."""
    return os.environ.get("TERM", "") or "dumb"


def attach(channel: Any) -> None:
    """Connect standard input and output to the channel until it is closed; the terminal mode is always restored."""
    with _raw(sys.stdin.fileno()), _resizing(channel):
        _pump(channel, sys.stdin.fileno(), sys.stdout.fileno())


def _pump(channel: Any, keys: int, screen: int) -> None:
    """Copy data in both directions. The end of the input is forwarded, upon which the shell exits."""
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
