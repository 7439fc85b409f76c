"""Quantiles of the cost of a run with one offer: between the cheapest and the dearest course of it."""

from __future__ import annotations

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.state import Launched
from tests.support.fakes.market import offer
from tests.support.situations import UP

GOOD = estimate(offer(1), UP.launch, 2.0)
BAD = estimate(offer(1), UP.launch, 2.0, learn(Launched("1001", "7", 1.0, healthy=False) for _ in range(8)))


def test_they_rise_and_hold_the_expected_cost() -> None:
    found = [GOOD.within(part) for part in (0.01, 0.05, 0.5, 0.95, 0.99)]
    assert found == sorted(found)
    assert GOOD.running + GOOD.download < found[0] < GOOD.expected() < found[-1]
    assert found[3] <= 3 * found[1]


def test_failures_make_it_dearer() -> None:
    assert BAD.works < 0.5 < GOOD.works
    assert BAD.within(0.95) > GOOD.within(0.95) + BAD.until_healthy()


@pytest.mark.parametrize("part", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_part_is_between_0_and_1(part: float) -> None:
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        GOOD.within(part)
