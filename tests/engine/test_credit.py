"""Credit of the account, compared before anything is rented: for all replicas, and with what runs already."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.app import lifecycle, look
from ert_deploy.app.doctor.examine import doctor
from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Offer
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, offer, world

THREE = replace(WANTED, replicas=3)
OFFERS = tuple(offer(n, dph_total=0.3 + n / 100, machine_id=str(2000 + n)) for n in range(1, 5))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    monkeypatch.chdir(tmp_path)
    found = world()
    found.gpu.offers = OFFERS
    return found


def cost(*offers: Offer) -> float:
    return sum(estimate(one, WANTED.launch, WANTED.plan_hours).expected() for one in offers)


def refused(made: FakeWorld) -> UsageError:
    with pytest.raises(UsageError) as out:
        lifecycle.up(on_fakes(made, THREE))
    return out.value


def test_credit_for_one_of_three_rents_none_and_that_is_one_line(made: FakeWorld) -> None:
    made.gpu.credit = cost(*OFFERS[:2])
    error = refused(made)
    need = cost(*OFFERS[:3])
    assert error.summary == f"the credit is ${made.gpu.credit:.2f}, 2 h of 3 machines are expected to cost ${need:.2f}"
    assert (error.detail, error.hint) == ("", "add credit, or lower plan/hours or replicas in the config")
    assert made.gpu.instances == {}


def test_credit_for_all_of_them_is_enough(made: FakeWorld) -> None:
    made.gpu.credit = cost(*OFFERS[:3]) + 0.001
    assert len(lifecycle.up(on_fakes(made, THREE)).backends) == 3


def test_two_offers_of_one_host_count_as_one(made: FakeWorld) -> None:
    made.gpu.offers = tuple(replace(one, host_id="77") for one in OFFERS[:2]) + OFFERS[2:]
    made.gpu.credit = cost(*OFFERS[:3])
    assert "3 machines are expected to cost" in refused(made).summary


def test_where_too_few_are_on_offer_the_last_one_counts_again(made: FakeWorld) -> None:
    made.gpu.offers = OFFERS[:2]
    made.gpu.credit = cost(*OFFERS[:2]) + 0.001
    assert f"to cost ${cost(*OFFERS[:2], OFFERS[1]):.2f}" in refused(made).summary


@pytest.mark.parametrize("asleep", [False, True])
def test_what_runs_already_counts_with_its_price_and_what_sleeps_with_its_disk(made: FakeWorld, asleep: bool) -> None:
    lifecycle.up(on_fakes(made, replace(WANTED, replicas=2)))
    first, second = made.gpu.instances.values()
    first.halted = asleep
    first.override = lambda one: replace(one, disk_dph=0.05)
    second.override = lambda one: replace(one, dph=math.nan)
    hours = WANTED.plan_hours
    there = 0.05 * hours if asleep else first.dph * hours
    made.gpu.credit = 0.01
    with pytest.raises(UsageError) as out:
        lifecycle.wake(on_fakes(made, THREE), only=frozenset({3}))
    assert f"to cost ${there + cost(OFFERS[2]):.2f}" in out.value.summary
    assert len(made.gpu.instances) == 2


def test_plan_and_doctor_have_the_same_line_once(made: FakeWorld) -> None:
    made.gpu.credit = 0.01
    summary = refused(made).summary
    plan = look.plan(on_fakes(made, THREE))
    assert [one.what for each in plan.every for one in each.findings if one.stops] == [summary]
    assert [cause.seen for cause in doctor(on_fakes(made, THREE)).causes if "credit" in cause.seen] == [summary]


def test_a_single_machine_has_the_line_that_it_had(made: FakeWorld) -> None:
    made.gpu.credit = 0.01
    with pytest.raises(UsageError) as out:
        lifecycle.up(on_fakes(made))
    assert out.value.summary == f"the credit is $0.01, 2 h are expected to cost ${cost(OFFERS[0]):.2f}"
    assert out.value.hint == "add credit, or lower plan/hours in the config"
