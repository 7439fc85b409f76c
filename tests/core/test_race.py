"""Race of the machines that boot: what each observation says of one, and what is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching.outlook import LAYERS, Outlook, Result, afresh, first, outlook
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.race import Runner, race
from ert_deploy.core.market.odds import Odds
from ert_deploy.core.market.stages import Stages
from ert_deploy.core.model.boot.watch import Lag, LaunchStage, Watch
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.provider import InstanceId

STAGES = Stages(rent=6.0, pull=300.0, boot=45.0, download=900.0, load=60.0, smoke=15.0)
EVEN = Odds(0.5, 0.8, 0.95)
SOLID = Odds(0.98, 0.99, 0.99)
GB = 10**9


def curve(odds: Odds = SOLID, factor: float = 1.0, running: float = 0.6) -> Curve:
    stages = replace(STAGES, pull=STAGES.pull * factor, download=STAGES.download * factor)
    return Curve(
        stages, 0.0, 2700.0, 300.0, odds=odds, hourly=0.3, boot=0.08, download=0.05, running=running, model_share=0.8
    )


def watch(stage: LaunchStage, entered: float, since: float, moves: int = 0, pulled: float = 0.0) -> Watch:
    return Watch("", since, stage=stage, entered=entered, moves=moves, pulled=pulled)


def pulled(done: float) -> Health:
    return Health(Vital.LOADING, phase="pulling", completed=int(done * GB), total=10 * GB)


def runner(number: int, one: Curve, seen: Watch, health: Health | None = None) -> Runner:
    return Runner(InstanceId(str(number)), one, seen, health)


def test_a_pull_that_goes_silent_is_less_and_less_likely_to_become_healthy() -> None:
    seen = watch(LaunchStage.PULL, 10.0, 100.0, moves=4)
    chances = [outlook(curve(EVEN), seen, None, now).works for now in (101.0, 160.0, 250.0, 400.0)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == pytest.approx(EVEN.all, rel=0.05)
    assert chances[-1] < EVEN.all / 4
    moving = outlook(curve(EVEN), watch(LaunchStage.PULL, 10.0, 399.0, moves=16), None, 400.0)
    assert moving.works == pytest.approx(EVEN.all, rel=0.05), "a slow pull that moves is not a broken one"


def test_the_pace_of_a_pull_shows_the_link() -> None:
    unknown = outlook(curve(), watch(LaunchStage.PULL, 10.0, 60.0), None, 60.0)
    fast = outlook(curve(), watch(LaunchStage.PULL, 10.0, 60.0, moves=1 + LAYERS // 2), None, 60.0)
    slow = outlook(curve(), watch(LaunchStage.PULL, 10.0, 200.0, moves=2), None, 200.0)
    assert fast.mean < unknown.mean < slow.mean
    done = outlook(curve(), watch(LaunchStage.PULL, 10.0, 600.0, moves=3 * LAYERS), None, 600.0)
    assert done.mean > 0, "more messages than layers, and slower than every expectation"
    beyond = outlook(curve(), watch(LaunchStage.PULL, 10.0, 99_000.0, moves=2), None, 99_000.0)
    assert beyond.weights[-1] == 1.0


def test_a_port_that_does_not_answer_is_soon_taken_for_closed() -> None:
    seen = watch(LaunchStage.BOOT, 300.0, 300.0, pulled=300.0)
    before, after = (outlook(curve(EVEN), seen, None, now).works for now in (310.0, 420.0))
    assert before == pytest.approx(EVEN.reached * EVEN.rest, rel=0.02)
    assert after < before / 3


def test_the_length_of_the_pull_shows_the_link_unless_the_image_was_there() -> None:
    quick, usual, slow = (
        outlook(curve(), watch(LaunchStage.BOOT, 0.0, 0.0, pulled=seconds), None, 10.0).mean
        for seconds in (100.0, 220.0, 700.0)
    )
    assert quick < usual < slow
    cached = outlook(curve(), watch(LaunchStage.BOOT, 0.0, 0.0, pulled=40.0), None, 10.0).mean
    assert quick < cached < slow


def test_the_rate_of_a_download_decides_once_it_is_measured() -> None:
    seen = replace(watch(LaunchStage.DOWNLOAD, 300.0, 400.0, moves=10, pulled=220.0), arrived=GB)
    half = outlook(curve(), seen, pulled(5), 400.0)
    assert half.mean == pytest.approx(5 * 100.0 / 4 + 75.0, rel=0.02), "5 GB in 25 s each, load and test"
    assert half.money < outlook(curve(), seen, pulled(2), 400.0).money
    assert half.works > 0.9
    early = outlook(curve(), replace(seen, entered=390.0), pulled(5), 400.0)
    unseen = outlook(curve(), seen, None, 400.0)
    assert early.mean > 2 * half.mean
    assert unseen.mean > 2 * half.mean
    stopped = outlook(curve(), replace(seen, since=310.0), pulled(5), 400.0)
    assert stopped.works < half.works


def test_a_load_that_takes_far_too_long_does_not_end() -> None:
    seen = watch(LaunchStage.LOAD, 1000.0, 1000.0)
    usual, late = (outlook(curve(), seen, None, now) for now in (1030.0, 2500.0))
    assert usual.mean < 90.0
    assert usual.works > 0.95
    assert late.works < usual.works


def test_the_first_of_two_is_sooner_than_each_and_costs_what_the_winner_costs() -> None:
    again = Result(3600.0, 0.5)
    slow, fast = afresh(curve(running=0.4)), afresh(curve(factor=0.3, running=1.0))
    both, alone = first([slow, fast], again), first([fast], again)
    assert both.wait < alone.wait < first([slow], again).wait
    assert 0.4 < both.running < 1.0


def test_what_to_expect_of_two_machines_is_the_mean_over_all_that_may_happen() -> None:
    """By hand: both work (0.5 x 0.8), the first alone, the second alone, none and then again."""
    one, two = Outlook(0.5, (10.0,), 0.0, (1.0,), running=1.0), Outlook(0.8, (6.0,), 0.0, (1.0,), running=2.0)
    both = first([one, two], Result(100.0, 4.0))
    assert both.wait == pytest.approx(0.4 * 6 + 0.1 * 10 + 0.4 * 6 + 0.1 * 100)
    assert both.running == pytest.approx(0.4 * 2 + 0.1 * 1 + 0.4 * 2 + 0.1 * 4)


def test_a_container_that_starts_is_expected_after_what_is_left_of_its_boot() -> None:
    def mean(now: float) -> float:
        return outlook(curve(), watch(LaunchStage.BOOT, 100.0, 100.0), None, now).mean

    assert mean(100.0) - mean(120.0) == pytest.approx(20.0)
    assert mean(160.0) == pytest.approx(mean(170.0)), "longer than expected: it is due at any time"


JUST = watch(LaunchStage.RENT, 0.0, 1.0)


def test_a_second_machine_joins_where_the_time_that_it_saves_is_worth_its_price() -> None:
    one = runner(1, curve(EVEN), JUST)
    found = race([one], curve(EVEN), 1.0, worth=1.2, slots=2)
    assert found[one.id].lag is Lag.BEHIND
    assert "expected to save" in found[one.id].why
    assert race([one], curve(EVEN), 1.0, worth=0.01, slots=2) == {}
    assert race([one], curve(EVEN), 1.0, worth=1.2, slots=1) == {}
    assert race([one], None, 1.0, worth=1.2, slots=2) == {}
    assert race([], curve(EVEN), 1.0, worth=1.2, slots=2) == {}
    assert race([one, one, one], curve(EVEN), 1.0, worth=1.2, slots=2) == {}


def test_a_hopeless_machine_is_given_up_as_a_failure_and_a_slow_one_is_overtaken() -> None:
    silent = runner(1, curve(EVEN), watch(LaunchStage.PULL, 10.0, 60.0, moves=4))
    quick = runner(2, curve(), watch(LaunchStage.DOWNLOAD, 300.0, 399.0, moves=10), pulled(5))
    found = race([silent, quick], curve(EVEN), 400.0, worth=1.2, slots=2)
    assert {number: seen.lag for number, seen in found.items()} == {silent.id: Lag.LATE}
    crawls = runner(3, curve(), watch(LaunchStage.DOWNLOAD, 300.0, 399.0, moves=10), pulled(0.1))
    found = race([quick, crawls], curve(), 400.0, worth=1.2, slots=2)
    assert {number: seen.lag for number, seen in found.items()} == {crawls.id: Lag.OVERTAKEN}
    assert "min more" in found[crawls.id].why


def test_nothing_is_given_up_before_its_stage_was_watched_for_a_while() -> None:
    crawls = runner(3, curve(factor=50.0), watch(LaunchStage.PULL, 0.0, 20.0))
    assert race([crawls], curve(factor=0.1), 20.0, worth=1.2, slots=1) == {}
    assert race([crawls], curve(factor=0.1), 40.0, worth=1.2, slots=1)[crawls.id].lag is Lag.OVERTAKEN


def test_the_sooner_of_two_that_do_well_is_kept_to_its_end() -> None:
    one = runner(1, curve(), watch(LaunchStage.LOAD, 1000.0, 1000.0))
    assert race([one], curve(), 1010.0, worth=1.2, slots=2) == {}
