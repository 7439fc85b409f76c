"""What a failed machine has cost: the disk from the create call, the GPU from its start, and the traffic; at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.events import Destroyed
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.engine.market.paid import meter, paid
from ert_deploy.engine.run_context import Rental, RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, down, told, up
from tests.support.fakes.loopback import offer, world
from tests.support.situations import instance, token
from tests.support.vast.says import says

LAUNCH, TOKEN = replace(WANTED.launch, image_gb=4.0, model_gb=10.0), token(1)
UP = instance(1, dph=0.37, disk_dph=0.01)
PULLING = replace(UP, **says("loading"), address=None)
BLANK = replace(UP, **says(None), address=None)


def memory() -> RunMemory:
    """Return the memory of a run that rented a machine at 1000 s, for $0.01 a GB at 800 Mb/s."""
    rental = Rental(0.3, 0.1, 0.2, 1000.0)
    return RunMemory(spending={TOKEN: rental}, rented={TOKEN: offer(1, inet_down=800.0, inet_down_cost=0.01)})


def test_before_anything_is_pulled_only_the_disk_costs() -> None:
    run = memory()
    meter(BLANK, None, 1100.0, run)
    assert paid(TOKEN, LAUNCH, 4600.0, run) == pytest.approx(0.01)


def test_the_image_costs_and_no_more_of_it_than_the_line_can_carry() -> None:
    run = memory()
    meter(PULLING, None, 1010.0, run)
    assert paid(TOKEN, LAUNCH, 1020.0, run) == pytest.approx(0.01 * 20 / 3600 + 2.0 * 0.01)
    assert paid(TOKEN, LAUNCH, 4600.0, run) == pytest.approx(0.01 + 4.0 * 0.01)


def test_the_gpu_costs_from_the_last_observation_before_it_ran() -> None:
    run = memory()
    meter(PULLING, None, 1600.0, run)
    meter(UP, Health(Vital.LOADING, phase="pulling", completed=5 * 10**9, total=10**10), 1700.0, run)
    meter(replace(UP, **says("exited")), None, 1800.0, run)
    assert paid(TOKEN, LAUNCH, 3400.0, run) == pytest.approx(0.01 * 2400 / 3600 + 0.36 * 1800 / 3600 + 9.0 * 0.01)


def test_a_download_that_nobody_reports_is_taken_for_as_fast_as_advertised() -> None:
    run = memory()
    meter(UP, Health(Vital.UNREACHABLE), 1010.0, run)
    assert paid(TOKEN, LAUNCH, 1050.0, run) == pytest.approx(0.37 * 50 / 3600 + (4.0 + 5.0) * 0.01)
    assert paid(TOKEN, LAUNCH, 4600.0, run) == pytest.approx(0.37 + 14.0 * 0.01)


def test_an_unknown_price_leaves_that_of_the_offer_and_a_machine_of_another_run_has_none() -> None:
    run = memory()
    meter(replace(UP, dph=float("nan"), disk_dph=float("nan")), None, 1000.0, run)
    assert (run.spending[TOKEN].hourly, run.spending[TOKEN].disk) == (0.3, 0.0)
    meter(replace(UP, mark=None), None, 1000.0, run)
    meter(instance(2), None, 1000.0, run)
    assert paid(token(2), LAUNCH, 2000.0, run) is None


def test_it_is_said_when_a_machine_of_this_run_is_gone() -> None:
    made = world()
    made.gpu.conduct["1001"] = behaviours.sick
    up(made)
    (gone,) = told(made, Destroyed)
    assert gone.paid is not None
    assert 0.005 * (4.0 + 0.001) < gone.paid < 0.1
    down(made)
    assert [event.paid for event in told(made, Destroyed)][1:] == [None]
