"""Threads of the server that stop with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Workers:
    """Threads that stop with the server; `join` waits for them."""

    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, target: Callable[..., None], *args: Any) -> None:
        """Run `target` in a thread."""
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all threads, for at most ten seconds each."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(10)
