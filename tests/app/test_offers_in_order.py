"""Order of `offers` and `plan`: that in which `up` rents, by price or by time, with the range of what a run costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.app.offers import offers
from ert_deploy.app.preview import preview
from ert_deploy.core.launching.manifest import Access, Manifest
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.events import Rented
from ert_deploy.wiring import Session
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, told, up
from tests.support.fakes.loopback import FakeWorld, offer, world

TIME = replace(WANTED, launch=replace(WANTED.launch, hedge=2, prefer=Prefer.TIME))
SLOW, FAST = ("1", 0.2, 600.0), ("2", 0.28, 9000.0)  # a race need not wait for the slow one: it can be replaced


def market() -> FakeWorld:
    made = world()
    made.gpu.offers = tuple(
        offer(int(number), dph_total=price, inet_down=line, host_id=f"h{number}", ip=f"198.51.100.{number}")
        for number, price, line in (SLOW, FAST)
    )
    return made


@pytest.mark.parametrize(("desired", "first"), [(WANTED, "2"), (TIME, "1")], ids=["cost", "time"])
def test_what_is_shown_first_is_what_is_rented_first(desired: Desired, first: str) -> None:
    made = market()
    listed = offers(on_fakes(made, desired))
    planned = preview(Session(on_fakes(made, desired).settings, desired, made.ports), desired)
    assert listed.choice.ranked[0].offer.id == first
    assert planned.offer is not None
    assert planned.offer.offer.id == first
    up(made, desired)
    assert told(made, Rented)[0].offer.id == first


@pytest.mark.parametrize("desired", [WANTED, TIME], ids=["cost", "time"])
def test_both_show_the_same_range_of_the_cost(desired: Desired) -> None:
    made = market()
    listed = offers(on_fakes(made, desired))
    planned = preview(Session(on_fakes(made, desired).settings, desired, made.ports), desired)
    assert listed.between is not None
    assert planned.between == listed.between
    low, high, share = listed.between
    assert min(one.estimate.running for one in listed.choice.ranked) < low < high <= 3.0 * low
    assert 0.5 < share < 1.0
    made.gpu.offers = ()
    assert offers(on_fakes(made, desired)).between is None


def test_a_plan_reads_the_layers_that_a_race_is_judged_by() -> None:
    made = market()
    made.registries.images[WANTED.launch.image] = Manifest(Access.FOUND, layers=(4 * 10**9,))
    whole = preview(Session(on_fakes(made, TIME).settings, TIME, made.ports), TIME).between
    made.registries.images[WANTED.launch.image] = Manifest(Access.FOUND, layers=(10**7,) * 400)
    assert preview(Session(on_fakes(made, TIME).settings, TIME, made.ports), TIME).between != whole
