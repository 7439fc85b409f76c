"""Cost estimate for the machine: the observed uptime multiplied by the hourly price. No I/O.

It excludes disk, traffic and the time before the backend process started, and has no samples from times when no page
was open. The provider's bill is authoritative.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 720
_SAME_RUN_SLACK_S = 5.0


@dataclass(frozen=True)
class Sample:
    """Sample at Unix time `at`: the uptime of the backend process in seconds, or None without a response."""

    at: float
    uptime: float | None


class Meter:
    """Recent samples, at most one per `every_s` seconds."""

    def __init__(self, every_s: float = 60.0, samples: Iterable[Sample] = ()) -> None:
        """Start with the samples of earlier processes, oldest first."""
        self._every = every_s
        self._samples: deque[Sample] = deque(samples, maxlen=KEPT)

    def see(self, sample: Sample) -> None:
        """Add a sample; overwrite the latest one if that is recent, so that the end of the series is current."""
        close = len(self._samples) > 1 and sample.at - self._samples[-2].at < self._every
        if close and (self._samples[-1].uptime is None) == (sample.uptime is None):
            self._samples.pop()
        self._samples.append(sample)

    def samples(self) -> list[Sample]:
        return list(self._samples)


def seconds_up(samples: Iterable[Sample]) -> list[tuple[float, float]]:
    """Return points (Unix time, total uptime in seconds) over all runs, each from its start."""
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
