"""Thresholds of an idle time: break-even, the range around it, and the worst case of both, tested at its edge."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from ert_deploy.core.idle.policy import BreakEven, Learned, Past, decide
from ert_deploy.core.idle.prices import Prices, Taken
from ert_deploy.core.idle.thresholds import (
    Thresholds,
    break_even,
    clamped,
    longest_sleep,
    optimum,
)

SURE = Taken(limit=0.0)  # no GPU is taken
TWO_STATES = Prices(disk=0.0, taken=SURE)
JUST = 1e-6  # s


def some_prices(seed: int) -> Prices:
    """Return prices over several orders of magnitude, with any probability that the GPU is taken."""
    chance = random.Random(seed)

    def spread(low: float, high: float) -> float:
        return math.exp(chance.uniform(math.log(low), math.log(high)))

    kept = spread(10, 1000)
    return Prices(
        gpu=spread(0.05, 4.0),
        disk=chance.choice([0.0, spread(0.001, 1.0)]),
        kept=kept,
        anew=kept * spread(1.0, 20.0),
        refused=chance.choice([0.0, spread(10, 900)]),
        fetch=chance.choice([0.0, spread(0.01, 1.0)]),
        wait_price=chance.choice([0.0, spread(0.005, 1.0)]),
        taken=Taken(chance.choice([0.0, 1.0, chance.random()]), spread(300, 86400)),
    )


def lengths(prices: Prices, one: Thresholds) -> list[float]:
    """Return idle times at which the ratio to the optimum has its peaks, and many others."""
    base = break_even(prices)
    edges = [edge for edge in (one.stop, one.destroy, base.stop, base.destroy) if edge < math.inf]
    near = [edge * factor + step for edge in edges for factor in (0.5, 1.0, 2.0) for step in (0.0, JUST)]
    return [*near, *(10.0 * 1.2**power for power in range(80))]


def worst(prices: Prices, one: Thresholds) -> float:
    return max(one.cost(prices, gap) / optimum(prices, gap) for gap in lengths(prices, one))


@pytest.mark.parametrize("block", range(4))
def test_break_even_never_costs_more_than_twice_the_optimum(block: int) -> None:
    for seed in range(50 * block, 50 * block + 50):
        prices = some_prices(seed)
        assert worst(prices, break_even(prices)) <= 2 + 1e-6, seed


@pytest.mark.parametrize("trust", [1.0, 0.5, 0.2])
def test_no_choice_within_the_range_costs_more_than_its_worst_case(trust: float) -> None:
    for seed in range(60):
        prices = some_prices(seed)
        base = break_even(prices)
        for stop, destroy in itertools.product((0.0, base.stop, math.inf), (0.0, base.destroy, math.inf)):
            one = clamped(prices, Thresholds(stop, destroy), trust)
            assert one.stop <= one.destroy
            assert worst(prices, one) <= (1 + 1 / trust) * (1 + 1e-6), (seed, one)


def test_the_worst_case_is_reached_at_both_edges() -> None:
    """With two states: a request that comes right after the earliest stop, and right after the latest."""
    for trust in (0.5, 0.25):
        for wanted in (0.0, math.inf):
            edge = clamped(TWO_STATES, Thresholds(wanted, math.inf), trust)
            assert worst(TWO_STATES, edge) == pytest.approx(1 + 1 / trust, rel=1e-4)
    assert worst(TWO_STATES, break_even(TWO_STATES)) == pytest.approx(2.0, rel=1e-4)


def adversary(policy: BreakEven | Learned, prices: Prices, requests: int) -> float:
    """Send each request right after the machine was stopped; return the sum over that of the best decisions."""
    past, now = Past(), 0.0
    paid = best = 0.0
    for _ in range(requests):
        numbers = decide(policy, prices, past, now)
        gap = numbers.idle_stop + 1e-3
        paid += Thresholds(numbers.idle_stop, numbers.idle_stop + numbers.destroy_after).cost(prices, gap)
        best += optimum(prices, gap)
        past.add_gap(now, gap)
        now += gap
        past.arrivals.append(now)
    return paid / best


@pytest.mark.parametrize("trust", [0.5, 0.25])
def test_an_adversary_gets_what_the_bound_allows_and_no_more(trust: float) -> None:
    """It has the policy learn a stop at one end of the range: idle times that are just longer than the stop."""
    for prices in (Prices(), some_prices(3)):
        ratio = adversary(Learned(trust), prices, 50)
        assert ratio <= 1 + 1 / trust + 1e-9
        assert adversary(BreakEven(), prices, 20) <= 2 + 1e-9
    assert 2.0 + 1e-3 < adversary(Learned(trust), TWO_STATES, 50) <= 1 + 1 / trust + 1e-9, "more than break-even"
    assert adversary(BreakEven(), TWO_STATES, 20) == pytest.approx(2.0, rel=1e-3)


def test_a_learned_stop_at_the_edge_has_exactly_the_worst_case() -> None:
    """Idle times of days teach the earliest stop; then requests come right after it, which is what trust pays for."""
    past, trust = Past(), 0.25
    for number in range(200):
        past.add_gap(1000.0 * number, 20 * 3600.0)
    stop = decide(Learned(trust), TWO_STATES, past, 200_000.0).idle_stop
    assert stop == pytest.approx(trust * break_even(TWO_STATES).stop)
    gap = stop + JUST
    ratio = Thresholds(stop, math.inf).cost(TWO_STATES, gap) / optimum(TWO_STATES, gap)
    assert ratio == pytest.approx(1 + 1 / trust, rel=1e-4)


def test_break_even_is_where_both_decisions_cost_the_same() -> None:
    base, prices = break_even(Prices()), Prices()
    assert prices.run(base.stop) == pytest.approx(prices.keep(base.stop) + prices.wake(base.stop))
    assert prices.keep(base.destroy) + prices.wake(base.destroy) == pytest.approx(prices.renewal)


def test_a_disk_that_costs_as_much_as_the_gpu_is_not_kept() -> None:
    prices = Prices(disk=0.4)
    base = break_even(prices)
    assert base.stop == base.destroy == pytest.approx(3600 * prices.renewal / prices.gpu)
    one = clamped(prices, Thresholds(0.0, math.inf), 0.5)
    assert one == Thresholds(base.stop / 2, base.stop / 2)


def test_a_free_disk_whose_gpu_nobody_takes_is_kept() -> None:
    assert break_even(TWO_STATES).destroy == math.inf
    assert longest_sleep(TWO_STATES) == math.inf


def test_a_machine_is_not_kept_once_its_start_costs_more_than_another() -> None:
    prices = Prices(taken=Taken(1.0, 3600.0), refused=600.0, disk=0.0001)
    limit = longest_sleep(prices)
    assert prices.wake(limit) == pytest.approx(prices.renewal)
    one = clamped(prices, Thresholds(math.inf, math.inf), 0.1)
    assert one.destroy - one.stop <= limit


def test_both_thresholds_do_not_use_up_the_range_at_once() -> None:
    prices, trust = Prices(), 0.5
    base = break_even(prices)
    late = clamped(prices, Thresholds(math.inf, 0.0), trust)
    assert late == Thresholds(base.stop / trust, base.destroy)
    early = clamped(prices, Thresholds(0.0, 0.0), trust)
    assert early == Thresholds(base.stop * trust, base.destroy * trust)
    naive = Thresholds(base.stop / trust, base.destroy * trust)
    prices = Prices(disk=0.05, wait_price=0.02, taken=Taken(0.3, 86400.0))
    base = break_even(prices)
    naive = Thresholds(base.stop / 0.5, max(base.stop / 0.5, base.destroy * 0.5))
    assert worst(prices, naive) > worst(prices, clamped(prices, naive, 0.5))


@pytest.mark.parametrize("trust", [0.0, -1.0, 1.5, math.nan])
def test_a_trust_that_is_none_is_refused(trust: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        clamped(Prices(), Thresholds(1.0, 1.0), trust)


@pytest.mark.parametrize(
    "wrong", [{"gpu": 0.0}, {"disk": -1.0}, {"wait_price": -0.1}, {"taken": Taken(1.5)}, {"taken": Taken(0.5, 0.0)}]
)
def test_prices_that_decide_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no price of an idle machine"):
        Prices(**wrong)  # type: ignore[arg-type]


def test_a_start_with_the_disk_is_not_slower_than_another_machine() -> None:
    with pytest.raises(ValueError, match="earlier than the one with its disk"):
        Prices(kept=700.0)


def test_the_chance_that_a_gpu_is_taken_rises_to_its_limit() -> None:
    taken = Taken(0.8, 7200.0)
    chances = [taken.chance(hours * 3600.0) for hours in (0, 1, 2, 6, 48)]
    assert chances == sorted(chances)
    assert chances[0] == 0.0
    assert chances[-1] == pytest.approx(0.8)
    assert Prices(taken=taken).delay(0.0) == 150.0
    assert Prices(taken=taken).delay(None) == 600.0
