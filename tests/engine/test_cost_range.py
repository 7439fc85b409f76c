"""Range of the cost: that of the race where machines race, and that of patient runs where they do not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from ert_deploy.core.launching.costs import costs
from ert_deploy.core.launching.interval import narrowest, scattered
from ert_deploy.core.market.odds import Odds
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.planning.offers import choose
from ert_deploy.engine.market.cost_range import cost_range
from ert_deploy.engine.market.racing import curve_of, worth_after
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import offer

RACED = replace(WANTED, launch=replace(WANTED.launch, hedge=2, prefer=Prefer.TIME))
OFFERS = choose([offer(n, host_id=f"h{n}", dph_total=0.1 + 0.05 * n) for n in range(1, 6)], WANTED).ranked


def test_without_a_race_a_machine_is_replaced_only_once_it_has_failed() -> None:
    curves = [curve_of(one, WANTED, 0.0, RunMemory()) for one in OFFERS]
    patient = costs(curves, partial(worth_after, desired=WANTED), 1, races=False)
    assert cost_range(OFFERS, WANTED, RunMemory()) == narrowest(patient, 0.96, 3.0)
    assert patient != costs(curves, partial(worth_after, desired=WANTED), 1)


def test_a_race_has_the_slots_and_the_worth_of_the_run() -> None:
    for hedge in (1, 2):
        desired = replace(RACED, launch=replace(RACED.launch, hedge=hedge))
        curves = [curve_of(one, desired, 0.0, RunMemory()) for one in OFFERS]
        found = costs(curves, partial(worth_after, desired=desired), hedge)
        assert cost_range(OFFERS, desired, RunMemory()) == narrowest(scattered(found, 1.0, 0.15), 0.9, 3.0)


@pytest.mark.parametrize("desired", [WANTED, RACED], ids=["cost", "time"])
def test_no_range_is_wider_than_three_times_its_lower_end(desired: Desired) -> None:
    """Offers that are as likely as not to fail, at $0.1 to $0.7 an hour: the price is that of the winner."""
    market = [offer(n, host_id=f"h{n}", dph_total=0.1 * 1.6 ** (n - 1)) for n in range(1, 6)]
    ranked = choose(market, replace(desired, criteria=replace(desired.criteria, max_dph=2.0))).ranked
    unsure = [replace(one, estimate=replace(one.estimate, works=0.4, odds=Odds(0.5, 0.85, 0.95))) for one in ranked]
    found = cost_range(unsure, desired, RunMemory())
    assert found.high <= 3.0 * found.low
    assert 0.5 < found.share <= (0.91 if desired is RACED else 0.9)


def test_the_worth_of_the_wait_grows_with_it() -> None:
    found = [worth_after(waited, RACED) for waited in (0.0, 600.0, 2700.0)]
    assert found == sorted(found)
    assert found[0] < found[1] < found[2]
