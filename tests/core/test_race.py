"""Race of the machines that boot: what each observation says of one, and what is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching.evidence import outlook
from ert_deploy.core.launching.outlook import Outlook
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.pulling import LAYERS, afresh, first_look, pace, pulled_share
from ert_deploy.core.launching.race import Runner, race, score
from ert_deploy.core.launching.replacing import Again, again, first, points
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
    assert chances[0] == pytest.approx(EVEN.all, rel=0.2)
    assert chances[-1] < EVEN.all / 2
    moving = outlook(curve(EVEN), watch(LaunchStage.PULL, 10.0, 399.0, moves=LAYERS), None, 400.0)
    assert moving.works > EVEN.all, "most of it is there, and it did not hang"


def test_the_pace_of_a_pull_shows_the_link() -> None:
    unknown = outlook(curve(), watch(LaunchStage.PULL, 10.0, 20.0), None, 20.0)
    fast = outlook(curve(), watch(LaunchStage.PULL, 10.0, 60.0, moves=1 + LAYERS // 2), None, 60.0)
    slow = outlook(curve(), watch(LaunchStage.PULL, 10.0, 200.0, moves=2), None, 200.0)
    assert fast.mean < unknown.mean < slow.mean
    done = outlook(curve(), watch(LaunchStage.PULL, 10.0, 600.0, moves=3 * LAYERS), None, 600.0)
    assert done.mean > 0, "more messages than layers, and slower than every expectation"
    beyond = outlook(curve(), watch(LaunchStage.PULL, 10.0, 99_000.0, moves=2), None, 99_000.0)
    assert beyond.mean > 99_000.0, "one of many layers after a day: the others take as long each"


def test_a_layer_is_as_much_of_the_pull_as_its_manifest_says() -> None:
    seen = watch(LaunchStage.PULL, 10.0, 100.0, moves=2)
    large, small = ((8 * GB, GB, GB), (GB, GB, 8 * GB))
    quick, slow = (outlook(replace(curve(), layers=layers), seen, None, 100.0) for layers in (large, small))
    assert quick.mean < slow.mean / 2
    assert pulled_share(large, 1) == 0.8
    assert pulled_share(large, 9) == 1.0


@pytest.mark.parametrize("layers", [(), (0, 0), (-5, 10)])
def test_a_manifest_without_sizes_counts_as_none(layers: tuple[int, ...]) -> None:
    assert pulled_share(layers, 3) == pytest.approx(3 / LAYERS)


def test_an_empty_layer_is_not_nothing() -> None:
    assert 0 < pulled_share((0, GB), 1) < 0.01


def test_a_host_that_has_the_image_shows_no_layer() -> None:
    early, late = (outlook(curve(), watch(LaunchStage.PULL, 10.0, 20.0, moves=1), None, now) for now in (25.0, 70.0))
    there = sum(late.weights[-3:])
    assert there > 2 * sum(early.weights[-3:])
    moving = outlook(curve(), watch(LaunchStage.PULL, 10.0, 20.0, moves=2), None, 25.0)
    assert sum(moving.weights[-3:]) < sum(early.weights[-3:]) / 2


def test_the_pace_is_that_of_the_whole_pull() -> None:
    assert pace(curve(), watch(LaunchStage.PULL, 10.0, 110.0, moves=4), 115.0) == pytest.approx(
        30.0 + (110.0 - 6.0 / 1.13 - 5.0) * LAYERS / 3, rel=0.02
    )
    assert pace(curve(), watch(LaunchStage.PULL, 10.0, 10.0), 15.0) == 0.0, "too early to tell"
    bounds = [pace(curve(), watch(LaunchStage.PULL, 10.0, 10.0), now) for now in (60.0, 80.0, 5000.0, 9000.0)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == bounds[-2], "it may hang, so that this is no longer its speed"
    assert pace(curve(), watch(LaunchStage.BOOT, 300.0, 300.0, pulled=300.0), 310.0) == pytest.approx(294.0)
    assert pace(curve(), watch(LaunchStage.BOOT, 300.0, 300.0), 310.0) == 0.0, "the image was there"


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
    cached = outlook(curve(), watch(LaunchStage.BOOT, 0.0, 0.0), None, 10.0).mean
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
    other = Again(3600.0, 0.5)
    slow, fast = (points(afresh(one), other) for one in (curve(running=0.4), curve(factor=0.3, running=1.0)))
    both, alone = first([slow, fast]), first([fast])
    assert both.wait < alone.wait < first([slow]).wait
    assert 0.4 < both.running < 1.0


def test_what_to_expect_of_two_machines_is_the_mean_over_all_that_may_happen() -> None:
    """By hand: both work (0.5 x 0.8), the first alone, the second alone, none and then again (100 s, known at once)."""
    one, two = (
        Outlook(works, (time,), 0.0, (1.0,), running, (0.0,), 1.0)
        for works, time, running in ((0.5, 10.0, 1.0), (0.8, 6.0, 2.0))
    )
    both = first([points(one, Again(100.0, 4.0)), points(two, Again(100.0, 4.0))])
    assert both.wait == pytest.approx(0.4 * 6 + 0.1 * 10 + 0.4 * 6 + 0.1 * 100)
    assert both.running == pytest.approx(0.4 * 2 + 0.1 * 1 + 0.4 * 2 + 0.1 * 4)


def test_a_container_that_starts_is_expected_after_what_is_left_of_its_boot() -> None:
    def mean(now: float) -> float:
        return outlook(curve(), watch(LaunchStage.BOOT, 100.0, 100.0), None, now).mean

    assert mean(100.0) - mean(120.0) == pytest.approx(20.0)
    assert mean(160.0) == pytest.approx(mean(170.0)), "longer than expected: it is due at any time"


def test_a_slow_machine_need_not_be_waited_for() -> None:
    one = afresh(curve())
    alone = again((one,), 0.0)
    assert alone.wait < 0.8 * one.mean / one.works, "the slow ones are replaced"
    assert again((one,), 600.0).wait > alone.wait + 600.0
    assert again((one, afresh(curve(EVEN))), 0.0).wait > alone.wait, "what replaces it is worse"
    kept = sum(weight for _, weight, running, _ in points(one, Again(60.0, 9.0)) if running != 9.0)
    assert kept < sum(weight for _, weight, running, _ in points(one, Again(6000.0, 9.0)) if running != 9.0)
    assert sum(weight for _, weight, _, _ in points(one, alone)) == pytest.approx(1.0)


def test_a_certain_machine_is_worth_its_time() -> None:
    sure = Outlook(1.0, (100.0,), 0.1, (1.0,), 0.5, (50.0,), 10.0)
    found = again((sure,), 0.0)
    assert found.wait == pytest.approx(100.0)
    assert found.running == 0.5


def test_an_offer_scores_by_its_price_or_by_its_speed_as_an_hour_is_worth() -> None:
    cheap, fast = curve(running=0.3), curve(factor=0.3, running=0.8)
    assert score(cheap, 0.1) < score(fast, 0.1)
    assert score(cheap, 20.0) > score(fast, 20.0)


JUST = watch(LaunchStage.RENT, 0.0, 1.0)


def test_a_second_machine_joins_where_the_time_that_it_saves_is_worth_its_price() -> None:
    one = runner(1, curve(EVEN), JUST)
    found = race([one], [curve(EVEN)] * 3, 1.0, worth=1.2, slots=2)
    assert found[one.id].lag is Lag.BEHIND
    assert "expected to save" in found[one.id].why
    assert race([one], [curve(EVEN)], 1.0, worth=0.01, slots=2) == {}
    assert race([one], [curve(EVEN)], 1.0, worth=1.2, slots=1) == {}
    assert race([one], [], 1.0, worth=1.2, slots=2) == {}
    assert race([], [curve(EVEN)], 1.0, worth=1.2, slots=2) == {}
    assert race([one, one, one], [curve(EVEN)], 1.0, worth=1.2, slots=2) == {}


def test_a_hopeless_machine_is_given_up_as_a_failure_and_a_slow_one_is_overtaken() -> None:
    silent = runner(1, curve(EVEN), watch(LaunchStage.PULL, 10.0, 60.0, moves=4))
    quick = runner(2, curve(), watch(LaunchStage.DOWNLOAD, 300.0, 399.0, moves=10), pulled(5))
    found = race([silent, quick], [curve(EVEN)], 400.0, worth=1.2, slots=2)
    assert {number: seen.lag for number, seen in found.items()} == {silent.id: Lag.LATE}
    crawls = runner(3, curve(), watch(LaunchStage.DOWNLOAD, 300.0, 399.0, moves=10), pulled(0.1))
    found = race([quick, crawls], [curve()], 400.0, worth=1.2, slots=2)
    assert {number: seen.lag for number, seen in found.items()} == {crawls.id: Lag.OVERTAKEN}
    assert "min more" in found[crawls.id].why


def test_nothing_is_given_up_before_its_stage_was_watched_for_a_while() -> None:
    crawls, better = runner(3, curve(factor=5.0), watch(LaunchStage.PULL, 0.0, 20.0)), [curve(factor=0.1)]
    seen = first_look(crawls.curve)
    assert race([crawls], better, seen - 1.0, worth=1.2, slots=1) == {}
    assert race([crawls], better, seen, worth=1.2, slots=1)[crawls.id].lag is Lag.OVERTAKEN
    loads = runner(4, curve(), watch(LaunchStage.DOWNLOAD, 300.0, 300.0, pulled=9000.0))
    assert race([loads], better, 310.0, worth=1.2, slots=1) == {}
    assert race([loads], better, 340.0, worth=1.2, slots=1)[loads.id].lag is Lag.OVERTAKEN


def test_the_sooner_of_two_that_do_well_is_kept_to_its_end() -> None:
    one = runner(1, curve(), watch(LaunchStage.LOAD, 1000.0, 1000.0))
    assert race([one], [curve()], 1010.0, worth=1.2, slots=2) == {}
