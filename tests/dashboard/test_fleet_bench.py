"""The ideal central queue that `make bench-fleet` compares with, checked by Erlang's C formula."""

from __future__ import annotations

import random

import pytest

from benchmarks.fleet import central_queue, erlang_c, p95


def test_the_queue_of_one_and_of_two_servers_by_hand() -> None:
    reports = [(0.0, 2.0), (0.5, 2.0), (1.0, 1.0)]
    assert central_queue(1, reports) == [0.0, 1.5, 3.0]
    assert central_queue(2, reports) == [0.0, 0.0, 1.0]
    assert p95([float(number) for number in range(1, 101)]) == 95.0


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.8), (8, 0.7)])
def test_the_share_of_those_that_wait_is_that_of_the_formula(servers: int, load: float) -> None:
    draw, at, reports = random.Random(3), 0.0, []
    for _ in range(30_000):
        at += draw.expovariate(servers * load)
        reports.append((at, draw.expovariate(1.0)))
    waited = sum(wait > 0 for wait in central_queue(servers, reports)) / len(reports)
    assert waited == pytest.approx(erlang_c(servers, load), abs=0.03)
