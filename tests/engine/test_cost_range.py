"""Range of the cost: that of the race where machines race, and that of the next two offers where they do not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ert_deploy.core.launching.costs import costs, within
from ert_deploy.core.market.cost import spread
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.planning.offers import choose
from ert_deploy.engine.market.cost_range import cost_range
from ert_deploy.engine.market.racing import curve_of, worth_after
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import offer

RACED = replace(WANTED, launch=replace(WANTED.launch, hedge=2, prefer=Prefer.TIME))
OFFERS = choose([offer(n, host_id=f"h{n}", dph_total=0.1 + 0.05 * n) for n in range(1, 6)], WANTED).ranked


def test_without_a_race_it_is_that_of_the_first_two() -> None:
    assert cost_range(OFFERS, WANTED, RunMemory()) == spread((one.estimate for one in OFFERS[:2]), 0.04, 0.96)


def test_a_race_has_the_slots_and_the_worth_of_the_run() -> None:
    for hedge in (1, 2):
        desired = replace(RACED, launch=replace(RACED.launch, hedge=hedge))
        curves = [curve_of(one, desired, 0.0, RunMemory()) for one in OFFERS]
        found = costs(curves, partial(worth_after, desired=desired), hedge)
        assert cost_range(OFFERS, desired, RunMemory()) == (within(found, 0.02), within(found, 0.98))


def test_the_worth_of_the_wait_grows_with_it() -> None:
    found = [worth_after(waited, RACED) for waited in (0.0, 600.0, 2700.0)]
    assert found == sorted(found)
    assert found[0] < found[1] < found[2]
