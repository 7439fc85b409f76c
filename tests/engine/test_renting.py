"""Renting: selection of the cheapest offer and machine, unusual market data, and excluded offers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Criteria, Launch, Target
from ert_deploy.core.model.errors import CannotObserve, Failed, OfferGone, UsageError
from ert_deploy.core.model.events import Rented, Renting, Trouble, Verified
from ert_deploy.core.model.keys import certificate_sha256
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.engine.effects import Method
from ert_deploy.ports import Clock, GpuHost, StateStore
from tests.support.fakes import behaviours
from tests.support.fakes.history import OTHER, WANTED, done, down, is_down, is_up, kinds, start, told, up
from tests.support.fakes.loopback import certificate, offer, world
from tests.support.ids import nth
from tests.support.vast.says import says


def test_up_rents_the_cheapest_offer_boots_it_and_moves_the_app_over() -> None:
    made = world()
    result = up(made)
    is_up(made)
    assert kinds(made) == ["WriteMarkers", "Rent", "AddKey", "Pin", "Publish", "Deploy", "Prove"]
    assert made.gpu.only().machine_id == "1001"
    assert result.abandoned == ()
    assert [r.rank for r in told(made, Renting)] == [1]
    (verified,) = told(made, Verified)
    assert verified.certificate_sha256 == certificate_sha256(certificate(made.gpu.only().order.mark.token))


def test_up_twice_is_up_once() -> None:
    made = world()
    up(made)
    before = len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys)
    up(made)
    assert before == (len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys))
    assert len(made.gpu.instances) == 1


def test_two_targets_get_the_same_backend_and_the_same_key() -> None:
    made = world("ert", "dash", "admin")
    both = replace(WANTED, targets=(Target("dash"), Target("admin")))
    up(made, both)
    is_up(made, both)
    assert len(made.gpu.instances) == 1
    down(made, both)
    is_down(made, both)


def test_the_guard_of_a_new_machine_gets_the_addresses_of_the_apps_for_its_last_word() -> None:
    made = world("ert", "dash", "admin")
    up(made, replace(WANTED, targets=(Target("dash"), Target("admin", address="https://www.admin.example.org"))))
    env = made.gpu.only().order.env
    assert env["ERT_APP_URLS"] == "https://dash.example.org,https://www.admin.example.org"


def test_a_machine_from_before_the_addresses_were_given_is_kept() -> None:
    made = world()
    up(made)
    machine = made.gpu.only()
    del machine.order.env["ERT_APP_URLS"]  # type: ignore[attr-defined]
    up(made)
    assert made.gpu.only() is machine
    assert "ERT_APP_URLS" not in machine.order.env


def test_a_target_that_is_added_later_gets_the_backend_that_is_there() -> None:
    made = world("ert", "dash", "admin")
    up(made)
    both = replace(WANTED, targets=(Target("dash"), Target("admin")))
    up(made, both)
    is_up(made, both)
    assert len(made.gpu.instances) == 1
    assert len(made.web.services["dash"].deploys) == 1


def test_after_the_state_was_lost_up_adopts_and_neither_rents_nor_deploys() -> None:
    made = world()
    up(made)
    before = len(done(made))
    made.store.lose()
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1
    assert len(made.web.services["dash"].deploys) == 1
    assert kinds(made, before) == ["RecordInstance", "Pin", "Prove"]


def test_what_was_rented_is_announced_with_its_offer() -> None:
    made = world()
    up(made)
    (rented,) = told(made, Rented)
    assert rented.offer.id == "1"
    assert rented.instance_id == made.gpu.only().id


def test_the_rate_limit_is_waited_out_before_the_create_is_written_down() -> None:
    """There must be no wait between the durable intent and the create call, or the former could expire."""
    made = world()
    process, carried = start(made), list[Method | None]()
    while process.step():
        carried.append(process.last)
    turn, create = carried.index(GpuHost.await_turn), carried.index(GpuHost.create)
    between = carried[turn:create]
    assert StateStore.save in between
    assert not {Clock.sleep, GpuHost.list_instances, GpuHost.search} & set(between)
    assert made.gpu.turns == ["create"]


def test_what_only_the_search_without_filters_returns_may_be_rented_too() -> None:
    made = world()
    search = made.gpu.search

    def hiding(criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        return search(criteria, launch, wide=wide) if wide else ()

    made.gpu.search = hiding  # type: ignore[method-assign]
    up(made)
    is_up(made)


@pytest.mark.parametrize("shown", [True, False], ids=["the first found some", "the first found none"])
def test_the_second_search_may_fail_when_the_first_has_found_something(shown: bool) -> None:
    made = world()
    made.gpu.offers = made.gpu.offers if shown else ()
    made.gpu.faults.queued["search"] = [None, CannotObserve("quota")]
    if shown:
        up(made)
        is_up(made)
        assert [t.what for t in told(made, Trouble)] == ["a search with fewer filters"]
    else:
        with pytest.raises(CannotObserve, match="quota"):
            up(made)


def test_a_replacement_is_never_rented_on_the_machine_that_serves() -> None:
    made = world()
    up(made)
    made.gpu.offers = (offer(13, machine_id="1001", dph_total=0.1), *made.gpu.offers)
    up(made, OTHER)
    is_up(made, OTHER)
    assert made.gpu.only().machine_id == "1002"


def test_a_denied_machine_is_not_rented_again_until_the_denial_ends() -> None:
    made = world()
    made.gpu.conduct["1001"] = behaviours.unpullable
    up(made)
    down(made)
    made.gpu.conduct.clear()
    up(made)
    assert made.gpu.only().machine_id == "1002"
    down(made)
    made.gpu.offers = (offer(1),)
    with pytest.raises(UsageError, match="no offer matches"):
        up(made)
    made.clock.sleep(WANTED.timings.deny)
    up(made)
    assert made.gpu.only().machine_id == "1001"


def test_another_offer_of_a_machine_that_has_just_failed_is_passed_over() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(13, machine_id="1001", dph_total=0.2011), offer(2))
    made.gpu.conduct["1001"] = behaviours.unpullable
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    assert len(made.gpu.instances) == 2


def test_when_every_offer_was_tried_the_next_run_searches_afresh() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(2))
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask"), OfferGone("no_such_ask")]
    with pytest.raises(Failed, match="every offer that matches has been tried"):
        up(made)
    up(made)
    is_up(made)


def test_instances_of_others_and_cloned_labels_are_never_touched() -> None:
    made = world()
    token = "ab" * 16
    made.gpu.foreign = [
        Instance(nth(901), Mark("other", token), "other", **says("running")),
        Instance(nth(902), None, "ert", **says("running")),
        Instance(nth(903), **says("exited")),
    ]
    result = up(made)
    assert [u.instance.id for u in result.situation.undecided] == ["902"]
    down(made)
    is_down(made)
    assert made.gpu.harmed == []
