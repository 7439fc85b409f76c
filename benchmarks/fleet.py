"""Reports on several backends: capacity from 1 to 8, and waiting against an ideal central queue of those arrivals."""

from __future__ import annotations

import argparse
import heapq
import math
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ert_dashboard.market.model import Company
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.job import Status
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.fingerprint import entry, listed
from tests.support.dashboard.following import until
from tests.support.dashboard.timed_backend import Run, processes

LEAST_OF_LINEAR, MOST_OF_IDEAL = 0.95, 1.2
SIZES = (1, 2, 4, 8)


@contextmanager
def fleet(count: int, service_s: float, seed: int = 0) -> Iterator[tuple[Dashboard, list[Run]]]:
    """Run backends with a fixed service time, or exponential ones by a seed, and a dashboard for them.

    Each backend is a process: in this one they would wait for the dashboard's interpreter lock, and it for theirs.
    """
    with tempfile.TemporaryDirectory() as folder, processes(count, service_s, seed) as backends:
        entries = [entry(backend) for backend in backends]  # type: ignore[arg-type]
        dashboard = create_dashboard(read_settings({**listed(entries, Path(folder)), "MAX_QUEUE_SIZE": "5000"}))
        try:
            until(lambda: dashboard.service.backends() == {"up": count, "of": count}, 20)
            yield dashboard, backends
        finally:
            dashboard.close()


def submit(dashboard: Dashboard) -> str:
    company = dashboard.service.market.find("AAPL")
    assert isinstance(company, Company)
    return dashboard.service.desk.submit(company).report_id


def finish(dashboard: Dashboard, made: Sequence[str], seconds: float) -> None:
    """Wait for all reports; fail if one is not completed, or was written by two backends."""
    until(lambda: dashboard.service.desk.counts() == (0, 0), seconds)
    jobs = [dashboard.service.store.get(one) for one in made]
    found = Counter((job.status, job.moves or 0) for job in jobs if job is not None)
    assert found == {(Status.COMPLETED, 0): len(made)}, found


def rate(count: int, service_s: float, each: int) -> float:
    """Return the reports per second of a fleet that always has more to do."""
    with fleet(count, service_s) as (dashboard, _):
        begun = time.monotonic()
        finish(dashboard, [submit(dashboard) for _ in range(count * each)], 20 + 4 * each * service_s)
        return count * each / (time.monotonic() - begun)


def waits(count: int, service_s: float, load: float, arrivals: int, seed: int) -> tuple[list[float], list[float]]:
    """Return the waiting times of reports that arrive at random, and those of an ideal central queue for the same."""
    draw, pause = random.Random(seed), threading.Event()
    gaps = [draw.expovariate(load * count / service_s) for _ in range(arrivals)]
    came: dict[str, float] = {}
    with fleet(count, service_s, seed) as (dashboard, backends):
        due = time.monotonic()
        for gap in gaps:
            due += gap
            pause.wait(max(0.0, due - time.monotonic()))
            at = time.monotonic()
            came[submit(dashboard)] = at
        finish(dashboard, list(came), 60 + 20 * service_s)
        told = [backend.told() for backend in backends]
    began = {name: at for one in told for name, at in one["began"].items()}
    took = {name: length for one in told for name, length in one["took"].items()}
    found = [began[name] - at for name, at in came.items()]
    return found, central_queue(count, [(at, took[name]) for name, at in came.items()])


def central_queue(servers: int, reports: Sequence[tuple[float, float]]) -> list[float]:
    """Return the waiting times of reports (arrival, service) at so many servers with one queue and no overhead."""
    free = [-math.inf] * servers
    found: list[float] = []
    for at, took in reports:
        begins = max(at, heapq.heappop(free))
        heapq.heappush(free, begins + took)
        found.append(begins - at)
    return found


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that an arrival waits in M/M/N, by Erlang's C formula; `load` is that of a server."""
    offered = servers * load
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


def p95(found: Sequence[float]) -> float:
    return sorted(found)[math.ceil(0.95 * len(found)) - 1]


def main() -> int:
    """Print both tables as Markdown; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", type=float, default=1.0, help="seconds of one report")
    parser.add_argument("--each", type=int, default=8, help="reports for each backend")
    parser.add_argument("--arrivals", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print("| backends | of linear |\n|---|---|")
    one = rate(1, options.service, options.each)
    shares = [rate(count, options.service, options.each) / (count * one) for count in SIZES[1:]]
    for count, share in zip(SIZES[1:], shares, strict=True):
        print(f"| {count} | {share:.3f} |", flush=True)
    count, load = 4, 0.8
    found, ideal = waits(count, options.service * 2, load, options.arrivals, options.seed)
    share = p95(found) / p95(ideal)
    formula = math.log(erlang_c(count, load) / 0.05) / (count * (1 - load)) * options.service * 2
    print(f"\n| waiting, {count} backends at {load:.0%} | p95 in service times |\n|---|---|")
    for name, value in (("dashboard", p95(found)), ("ideal central queue", p95(ideal)), ("Erlang C", formula)):
        print(f"| {name} | {value / (options.service * 2):.2f} |")
    print(f"\np95 of the dashboard is {share:.2f} of the ideal (at most {MOST_OF_IDEAL})")
    return int(min(shares) < LEAST_OF_LINEAR or share > MOST_OF_IDEAL)


if __name__ == "__main__":
    sys.exit(main())
