"""Ranking of 1,000 and of 10,000 offers, with a full memory of past rentals: CPU time, and the ratio.

Exits with 1 if ten times as many offers take more than 15 times as long: it is linear but for the final sort.
"""

from __future__ import annotations

import random
import sys
import time

from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.desired import Criteria, Desired, Launch, Phase
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.state import MOST_LAUNCHES, Launched
from ert_deploy.core.planning.offers import choose

SIZES = (1_000, 10_000)
WORST = 15.0
ROUNDS = 5
DESIRED = Desired("bench", Phase.RUNNING, Launch("image", "gpt-oss:20b"), Criteria(max_dph=0.5), ())


def market(size: int, draw: random.Random) -> list[Offer]:
    """Return offers of which nine in ten match: two machines for each host, prices from 0.1 to 0.5 $/h."""
    return [
        Offer(
            id=str(n), machine_id=str(n), host_id=str(n // 2), gpu_name="RTX 3090", gpu_ram_mb=24576.0,
            dph_total=draw.uniform(0.1, 0.5), reliability=draw.uniform(0.98, 1.0),
            inet_down=draw.uniform(500.0, 8000.0), inet_down_cost=draw.uniform(0.0, 0.02), cuda=12.8,
            ports=8 if draw.random() < 0.9 else 0, duration=30 * 86400.0, disk_gb=200.0, geolocation="Sweden, SE",
        )
        for n in range(size)
    ]  # fmt: skip


def seconds(size: int, draw: random.Random) -> float:
    """Return the CPU time of the fastest of `ROUNDS` rankings, what is learned included."""
    offers = market(size, draw)
    past = tuple(
        Launched(
            str(draw.randrange(size)),
            str(draw.randrange(size // 2)),
            1.0,
            draw.random() < 0.8,
            900.0,
            150.0,
            300.0,
            4.0,
        )
        for _ in range(MOST_LAUNCHES)
    )
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        choice = choose(offers, DESIRED, learned=learn(past))
        times.append(time.process_time() - begun)
        if len(choice.ranked) + len(choice.rejected) != size:
            raise AssertionError("an offer was lost")
    return min(times)


def main() -> int:
    """Print the times; return 1 if they do not grow linearly."""
    draw = random.Random(1)
    took = {size: seconds(size, draw) for size in SIZES}
    for size, each in took.items():
        print(f"{size:6,} offers: {each * 1e3:7.1f} ms, {each / size * 1e6:5.1f} us for each")
    ratio = took[SIZES[1]] / took[SIZES[0]]
    print(f"ratio {ratio:.1f} for {SIZES[1] // SIZES[0]} times as many (at most {WORST:g})")
    return int(ratio > WORST)


if __name__ == "__main__":
    sys.exit(main())
