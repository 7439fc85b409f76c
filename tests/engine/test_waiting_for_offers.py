"""`up --wait-for-offer`: the search is repeated at growing intervals until an offer matches or the time is over."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.events import Rented, Waiting
from ert_deploy.engine.market.search import LONGEST_WAIT, SHORTEST_WAIT
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld, offer, world

PATIENT = replace(WANTED, wait_for_offer=7200.0)
DEAR = tuple(offer(n, dph_total=0.5 + n / 1000) for n in range(1, 4))


def searches(made: FakeWorld) -> list[float]:
    """Return the time of each search."""
    found: list[float] = []
    search = made.gpu.search

    def watched(*args: object, **options: bool) -> object:
        if not options.get("wide"):
            found.append(made.clock.now())
        return search(*args, **options)  # type: ignore[arg-type]

    made.gpu.search = watched  # type: ignore[assignment, method-assign]
    return found


def test_an_offer_that_appears_is_rented() -> None:
    made = world()
    made.gpu.offers, begun = DEAR, made.clock.now()
    run = start(made, PATIENT)
    while made.clock.now() < begun + 3000:
        run.step()
    assert told(made, Rented) == []
    assert made.store.state.generation == 0
    made.gpu.offers = (*DEAR, offer(7))
    run.finish()
    is_up(made)
    assert made.gpu.only().machine_id == "1007"
    assert made.clock.now() - begun < 3000 + LONGEST_WAIT + 300


def test_searches_are_repeated_at_growing_intervals_until_the_time_is_over() -> None:
    made = world()
    made.gpu.offers, begun, found = DEAR, made.clock.now(), searches(made)
    with pytest.raises(UsageError, match=r"no offer matches \(of 3\)") as error:
        up(made, PATIENT)
    assert 7200 <= made.clock.now() - begun < 7200 + SHORTEST_WAIT
    pauses = [round(later - earlier) for earlier, later in itertools.pairwise(found)]
    assert pauses[0] == pytest.approx(SHORTEST_WAIT, abs=2)
    assert pauses[:6] == sorted(pauses[:6])
    assert max(pauses) <= LONGEST_WAIT + 5
    assert len(found) < 40
    assert "would have matched:\n  RTX 3090 in Sweden, SE (machine 1001) for $0.5010/h with offer/max_dph: 0.51" in (
        error.value.detail
    )
    assert told(made, Waiting)[0].what == "an offer: no offer matches (of 3)"
    assert made.gpu.instances == {}


def test_without_it_the_first_search_decides_and_says_what_would_have_matched() -> None:
    made = world()
    made.gpu.offers, begun = DEAR, made.clock.now()
    with pytest.raises(UsageError, match="no offer matches") as error:
        up(made)
    assert made.clock.now() - begun < SHORTEST_WAIT
    assert "would have matched:" in error.value.detail


def test_it_waits_as_well_when_all_offers_have_been_tried() -> None:
    made = world()
    made.gpu.offers, made.gpu.conduct = (offer(1),), {"1001": behaviours.sick}
    patient = replace(PATIENT, timings=replace(PATIENT.timings, deny=60.0))
    run = start(made, patient)
    while not told(made, Waiting):
        run.step()
    made.gpu.offers, made.gpu.conduct = (offer(2),), {}
    run.finish()
    is_up(made)


def test_it_does_not_wait_for_money_and_attempts() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.sick)
    with pytest.raises(Failed, match="2 rented machines did not become healthy"):
        up(made, replace(PATIENT, attempts=2))
    made = world()
    with pytest.raises(Failed, match="one more machine would bring"):
        up(made, replace(PATIENT, max_cost=0.01))
    assert [w for w in told(made, Waiting) if w.what.startswith("an offer")] == []


def test_a_serving_backend_that_cannot_be_replaced_serves_on_while_it_waits() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.offers = DEAR
    left = up(made, replace(PATIENT, launch=replace(WANTED.launch, context=8192), wait_for_offer=600.0)).left
    assert left is not None
    assert made.gpu.only() is first
    assert told(made, Waiting)
