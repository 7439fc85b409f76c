"""Time model of an offer: the stages of a launch, their spread, and what launches of the past change."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ert_deploy.core.market.learned import learn
from ert_deploy.core.market.stages import Stages, expected_stages, normal_quantile
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.state import Launched
from tests.support.fakes.market import offer

LAUNCH = Launch("img", "gpt-oss:20b", image_gb=4.0, model_gb=13.8)


def took(machine: str, host: str, rate: float, started: float = 0.0) -> Launched:
    return Launched(machine, host, 1.0, healthy=True, advertised=900.0, rate=rate, started=started, image_gb=4.0)


def test_a_stage_takes_what_public_figures_say() -> None:
    usual = expected_stages(offer(1, inet_down=1000.0), LAUNCH).at(0.5)
    assert usual.download == pytest.approx(13.8 * 8000 / 160)  # 20 MB/s
    assert usual.pull == pytest.approx(30 + 4 * 8000 / 160)
    assert usual.boot == pytest.approx(45.0)
    assert usual.load + usual.smoke == pytest.approx(3.0 * 13.8 + 15.0)
    assert expected_stages(offer(1, inet_down=1000.0), LAUNCH).at(0.05).download == pytest.approx(13800 / 80, rel=0.01)
    assert expected_stages(offer(1, inet_down=1000.0), LAUNCH).at(0.95).download == pytest.approx(13800 / 5, rel=0.01)


def test_stages_add_up_and_the_provider_bills_the_gpu_of_a_running_container() -> None:
    stages = Stages(1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    assert (stages.total, stages.billed) == (63.0, 60.0)


def test_a_larger_image_and_model_take_longer() -> None:
    small, large = (
        expected_stages(offer(1), LAUNCH),
        expected_stages(offer(1), replace(LAUNCH, image_gb=8, model_gb=40)),
    )
    assert small.pull < large.pull
    assert small.download < large.download
    assert small.load < large.load
    assert (small.rent, small.boot, small.smoke) == (large.rent, large.boot, large.smoke)


@pytest.mark.parametrize("advertised", [math.nan, 0.0, 1.0, 50.0, 500.0, 5000.0])
def test_no_host_delivers_more_than_it_advertises(advertised: float) -> None:
    found = expected_stages(offer(1, inet_down=advertised), LAUNCH).at(0.5)
    at_least = 13.8 * 8000 / (advertised if advertised > 1 else 1.0)
    assert math.isfinite(found.total)
    assert found.download >= at_least * (1 - 1e-9)


def test_the_faster_line_is_expected_to_be_faster() -> None:
    times = [expected_stages(offer(1, inet_down=rate), LAUNCH).download for rate in (100.0, 500.0, 1000.0, 8000.0)]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == len(times)


def test_quantiles_enclose_the_expected_value() -> None:
    stages = expected_stages(offer(1), LAUNCH)
    middle, slow = stages.at(0.5), stages.at(0.95)
    for name in ("rent", "pull", "boot", "download", "load", "smoke", "total"):
        assert getattr(middle, name) < getattr(stages, name) < getattr(slow, name), name


@pytest.mark.parametrize(("quantile", "z"), [(0.5, 0.0), (0.95, 1.6449), (0.05, -1.6449), (0.999, 3.0902)])
def test_quantiles_are_those_of_the_normal_distribution(quantile: float, z: float) -> None:
    assert normal_quantile(quantile) == pytest.approx(z, abs=1e-4)


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0, math.nan])
def test_a_quantile_outside_of_0_to_1_is_an_error(quantile: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        expected_stages(offer(1), LAUNCH).at(quantile)


def test_a_measured_machine_counts_most_then_its_host_then_all_launches() -> None:
    here = offer(1, machine_id="1001", host_id="7")
    slow = 20.0
    elsewhere = expected_stages(here, LAUNCH, learn([took("9", "8", slow)])).at(0.5).download
    same_host = expected_stages(here, LAUNCH, learn([took("9", "7", slow)])).at(0.5).download
    same_machine = expected_stages(here, LAUNCH, learn([took("1001", "7", slow)])).at(0.5).download
    assert expected_stages(here, LAUNCH).at(0.5).download < elsewhere < same_host < same_machine < 13.8 * 8000 / slow


def test_more_launches_on_a_machine_approach_what_they_measured_and_scatter_less() -> None:
    many = expected_stages(offer(1), LAUNCH, learn([took("1001", "7", 300.0, 400.0)] * 40))
    once = expected_stages(offer(1), LAUNCH, learn([took("1001", "7", 300.0, 400.0)]))
    never = expected_stages(offer(1), LAUNCH)
    assert many.at(0.5).download == pytest.approx(13.8 * 8000 / 300, rel=0.03)
    assert many.at(0.5).pull + many.at(0.5).boot == pytest.approx(400.0, rel=0.05)
    assert many.spread.download < once.spread.download < never.spread.download


def test_what_was_not_measured_changes_nothing() -> None:
    blank = Launched("1001", "", 1.0, healthy=False)
    assert expected_stages(offer(1), LAUNCH, learn([blank])) == expected_stages(offer(1), LAUNCH)


@pytest.mark.parametrize("rate", [1e-9, 5e-324, 1e308])
@pytest.mark.parametrize("started", [0.0, 1e308])
def test_a_measurement_that_cannot_be_true_changes_nothing(rate: float, started: float) -> None:
    assert expected_stages(offer(1), LAUNCH, learn([took("1001", "7", rate, started)])) == expected_stages(
        offer(1), LAUNCH
    )
