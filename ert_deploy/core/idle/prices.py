"""Prices of an idle machine: what each state costs per hour, and what a request pays for finding it in that state.

A wait counts as money, at `wait_price`. Times are seconds, prices $/h unless a field says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

HOUR, MINUTE = 3600.0, 60.0
WAIT_PRICE = 0.05  # $ of a minute: what an idle stop of 20 minutes implies at $0.40/h (ADR 49)


@dataclass(frozen=True, slots=True)
class Taken:
    """Probability that the GPU of a stopped machine is taken: `limit` in the long run, approached with time `after`.

    A machine is on the market in a median of 17 % of the snapshots of 6 hours (brandonros/vastai-scraper:
    docs/analysis.md), so that it is high after hours. How fast it rises is assumed.
    """

    limit: float = 0.8
    after: float = 2 * HOUR

    def chance(self, asleep: float) -> float:
        """Return it after that many seconds of sleep."""
        return self.limit * -math.expm1(-asleep / self.after)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a policy has to know of its machine. ValueError for a value with which no decision makes sense.

    `gpu` is the price of the running machine with its disk, `disk` that of the stopped one. A start takes `kept` with
    the disk, `anew` for another machine, and `refused` until it is known that the GPU was taken; `fetch` is the $ for
    the traffic of another machine. `wait_price` is in $ per minute (ADR 49).
    """

    gpu: float = 0.40
    disk: float = 0.0083  # 40 GB at $0.15 per GB and month, as in the example of Vast's own specification
    kept: float = 150.0  # start 45 s, port 30 s, load and test 71 s (sources: benchmarks/launch/parameters.py)
    anew: float = 600.0  # p50 of a launch on a busy market (docs/bench-launch.md)
    refused: float = 60.0
    fetch: float = 0.07  # 17.8 GB at $0.004, the mean of the market
    wait_price: float = WAIT_PRICE
    taken: Taken = field(default_factory=Taken)

    def __post_init__(self) -> None:
        """Reject what is negative, a free GPU, and a start with the disk that takes longer than without."""
        rest = (self.disk, self.kept, self.refused, self.fetch, self.wait_price)
        if self.gpu <= 0 or min(rest) < 0 or not 0 <= self.taken.limit <= 1 or self.taken.after <= 0:
            raise ValueError(f"no price of an idle machine: {self}")
        if self.anew < self.kept or self.anew <= 0:
            raise ValueError(f"another machine would be ready in {self.anew:g} s, earlier than the one with its disk")

    def wait(self, seconds: float) -> float:
        """Return the $ that a wait counts for."""
        return self.wait_price * seconds / MINUTE

    def run(self, seconds: float) -> float:
        """Return the $ for that long with the machine running."""
        return self.gpu * seconds / HOUR

    def keep(self, seconds: float) -> float:
        """Return the $ for that long with only the disk kept."""
        return self.disk * seconds / HOUR

    @property
    def restart(self) -> float:
        """$ of a start with the disk, its wait included."""
        return self.run(self.kept) + self.wait(self.kept)

    @property
    def renewal(self) -> float:
        """$ of a start of another machine, its wait included."""
        return self.run(self.anew) + self.fetch + self.wait(self.anew)

    def wake(self, asleep: float) -> float:
        """Return the expected $ of a start after such a sleep: with the disk, or of another machine if it was taken."""
        return self.wakes((asleep,))[0]

    def wakes(self, asleep: Iterable[float]) -> list[float]:
        """Return that for several lengths."""
        found, lost = self.restart, self.renewal + self.wait(self.refused)
        return [(1 - taken) * found + taken * lost for taken in map(self.taken.chance, asleep)]

    def delay(self, asleep: float | None) -> float:
        """Return the expected seconds of such a start; None is a machine that no longer exists."""
        if asleep is None:
            return self.anew
        lost = self.taken.chance(asleep)
        return (1 - lost) * self.kept + lost * (self.refused + self.anew)
