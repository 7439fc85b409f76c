"""What the running machine has cost as far as this dashboard saw it: its up-time at the hourly price. Pure.

An estimate, and marked as one: disk, traffic and the time before the backend's program ran are not in it, and nobody
looked while no page was open. The provider's bill is the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 720
_SAME_RUN_SLACK_S = 5.0


@dataclass(frozen=True)
class Sample:
    """One look: Unix time, and for how many seconds the backend's program had been up (None: no answer)."""

    at: float
    uptime: float | None


class Meter:
    """The last looks, at most one a minute."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every = every_s
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def see(self, sample: Sample) -> None:
        """Keep a look; one that follows closely replaces the latest, so that the end of the line is always fresh."""
        close = len(self._samples) > 1 and sample.at - self._samples[-2].at < self._every
        if close and (self._samples[-1].uptime is None) == (sample.uptime is None):
            self._samples.pop()
        self._samples.append(sample)

    def samples(self) -> list[Sample]:
        return list(self._samples)


def seconds_up(samples: Iterable[Sample]) -> list[tuple[float, float]]:
    """(Unix time, seconds the machine is known to have run until then) over all its runs, from where each began."""
    line: list[tuple[float, float]] = []
    ended, current = 0.0, 0.0
    for sample in samples:
        if sample.uptime is not None:
            if sample.uptime + _SAME_RUN_SLACK_S < current or not current:
                ended += current
                line.append((max(sample.at - sample.uptime, line[-1][0] if line else 0.0), ended))
            current = sample.uptime
        line.append((sample.at, ended + current))
    return line
