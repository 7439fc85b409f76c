"""Chance that a launch becomes healthy, and its part in the ranking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.market.learned import learn
from ert_deploy.core.market.odds import works
from ert_deploy.core.model.state import Launched
from ert_deploy.core.planning.offers import choose
from tests.support.fakes.market import offer
from tests.support.situations import UP


def ended(machine: str, host: str, *, healthy: bool) -> Launched:
    return Launched(machine, host, 1.0, healthy=healthy)


@pytest.mark.parametrize(
    ("changes", "chance"),
    [
        ({}, 0.98),
        ({"verified": False, "datacenter": True}, 0.5),
        ({"verified": False}, 0.5 * 0.77),
        ({"reliability": 0.9}, 0.98 * 0.9),
        ({"reliability": 7.0}, 0.98),
        ({"reliability": -1.0}, 0.01),
    ],
)
def test_without_launches_public_figures_decide(changes: dict[str, object], chance: float) -> None:
    assert works(offer(1, **{"reliability": 1.0, **changes})) == pytest.approx(chance)


def test_a_failure_counts_most_on_its_machine_less_on_its_host_and_not_elsewhere() -> None:
    here = offer(1, machine_id="1", host_id="7", reliability=1.0)
    machine, host, other = (learn([ended(m, h, healthy=False)]) for m, h in (("1", "7"), ("2", "7"), ("3", "8")))
    assert works(here, machine) < works(here, host) < works(here, other) == works(here) == pytest.approx(0.98)
    assert works(here, host) == pytest.approx(2 * 0.98 / 3)


def test_a_host_that_is_not_known_is_not_the_same_as_another_that_is_not_known() -> None:
    assert works(offer(1, reliability=1.0), learn([ended("2", "", healthy=False)])) == pytest.approx(0.98)


def test_launches_that_work_make_up_for_a_host_that_is_not_verified() -> None:
    shady = offer(1, verified=False)
    often = learn([ended("1001", "7", healthy=True)] * 20)
    assert works(shady, often) > 0.9 > 0.5 > works(shady)


def test_a_candidate_that_fails_costs_its_boot_and_its_download_but_not_the_planned_hours() -> None:
    found = estimate(offer(1, verified=False, reliability=1.0), UP.launch, 100.0)
    attempts = 1 / (0.5 * 0.77)
    assert found.failures() == pytest.approx((attempts - 1) * found.until_healthy())
    assert found.expected() == pytest.approx(found.running + attempts * found.until_healthy())
    assert found.wait() == pytest.approx(attempts * found.stages.total)


def test_a_month_is_thirty_rentals_or_one_that_never_ends() -> None:
    found = estimate(offer(1, dph_total=0.25), UP.launch, 2.0)
    assert found.month() == pytest.approx(30 * found.expected())
    assert found.always_on() == pytest.approx(720 * 0.25 + found.to_healthy())


def test_a_machine_that_failed_is_ranked_after_one_that_is_a_little_dearer() -> None:
    cheap, dear = offer(1, dph_total=0.200), offer(2, dph_total=0.205)
    assert [r.offer.id for r in choose([cheap, dear], UP).ranked] == ["1", "2"]
    failed = learn([ended("1001", "", healthy=False)])
    assert [r.offer.id for r in choose([cheap, dear], UP, learned=failed).ranked] == ["2", "1"]


def test_minutes_are_worth_what_the_config_would_pay_for_them() -> None:
    slow, fast = offer(1, dph_total=0.20, inet_down=500.0), offer(2, dph_total=0.22, inet_down=5000.0)
    patient = replace(UP, criteria=replace(UP.criteria, max_dph=0.23), plan_hours=48.0)
    assert [r.offer.id for r in choose([slow, fast], patient).ranked] == ["1", "2"]
    assert [r.offer.id for r in choose([slow, fast], replace(patient, plan_hours=1.0)).ranked] == ["2", "1"]
