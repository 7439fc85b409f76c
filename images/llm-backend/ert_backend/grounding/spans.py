"""Sorted spans of a text with an overlap test by binary search."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

Span = tuple[int, int]


class Spans:
    """Half-open spans, in any order; overlapping ones are merged."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def touch(self, start: int, end: int) -> bool:
        """Whether one of them shares a character with `start` to `end`."""
        index = bisect_left(self._starts, end) - 1
        return index >= 0 and self._ends[index] > start
