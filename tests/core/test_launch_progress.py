"""Progress of a launch: the stage of an instance, limits by stage, and the download by its rate."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import pytest

from ert_deploy.core.launching.progress import BEHIND, LATE, Curve, shown_stage, stage_of
from ert_deploy.core.market.stages import Stages
from ert_deploy.core.model.boot.watch import Lag, LaunchStage, Watch
from ert_deploy.core.model.observed import Health, Instance, Vital
from ert_deploy.core.planning.health import SLOW, Candidate, Stage, judge, look
from ert_deploy.providers.vast.messages import read as notice
from tests.support.situations import NOW, UP, instance, record, served, still

Seen: TypeAlias = tuple[float, Instance, Health | None]
PATIENCE = UP.timings.no_progress
STAGES = Stages(rent=6.0, pull=300.0, boot=45.0, download=600.0, load=40.0, smoke=15.0)
CURVE = Curve(STAGES, NOW, UP.timings.boot_limit, PATIENCE)
GB = 10**9
STARTING = Health(Vital.LOADING, phase="starting")
LOADING = Health(Vital.LOADING, phase="loading")
HEALTHY = Health(Vital.HEALTHY)
PULLING = instance(1, status="loading", address=None, message=notice("pulling, 3 of 9"))
BLANK = instance(1, status=None, address=None)
UP_AND_AWAY = instance(1)


def pulled(done: float, total: float = 10 * GB) -> Health:
    return Health(Vital.LOADING, phase="pulling", completed=int(done), total=int(total))


@pytest.mark.parametrize(
    ("shown", "health", "stage"),
    [
        (BLANK, None, LaunchStage.RENT),
        (PULLING, None, LaunchStage.PULL),
        (replace(BLANK, message=notice("pulling")), None, LaunchStage.PULL),
        (UP_AND_AWAY, None, LaunchStage.BOOT),
        (UP_AND_AWAY, Health(Vital.UNREACHABLE), LaunchStage.BOOT),
        (UP_AND_AWAY, Health(Vital.UNHEALTHY), LaunchStage.BOOT),
        (UP_AND_AWAY, STARTING, LaunchStage.BOOT),
        (UP_AND_AWAY, Health(Vital.LOADING, phase="a newer word"), LaunchStage.BOOT),
        (UP_AND_AWAY, pulled(1), LaunchStage.DOWNLOAD),
        (UP_AND_AWAY, LOADING, LaunchStage.LOAD),
        (UP_AND_AWAY, HEALTHY, LaunchStage.READY),
    ],
)
def test_the_stage_is_what_the_provider_and_the_backend_say(
    shown: Instance, health: Health | None, stage: LaunchStage
) -> None:
    assert stage_of(shown, health) is stage


def test_a_container_that_is_started_anew_is_not_shown_as_pulling() -> None:
    again = replace(BLANK, status="exited", ended=True)
    assert (stage_of(again, None), shown_stage(again, None)) == (LaunchStage.PULL, LaunchStage.RENT)
    assert shown_stage(replace(again, message=notice("pulling")), None) is LaunchStage.PULL
    assert shown_stage(PULLING, None) is LaunchStage.PULL


def watched(*seen: Seen, curve: Curve = CURVE) -> Watch:
    """Return the watch after these observations: seconds since the create call, the instance, its health."""
    watch = None
    for after, shown, health in seen:
        watch = look(watch, shown, health, NOW + after, PATIENCE, curve=curve)
    assert watch is not None
    return watch


def every(seconds: float, until: float, shown: Instance, health: Health | None = None) -> list[Seen]:
    return [(at * seconds, shown, health) for at in range(1, int(until / seconds) + 1)]


def test_a_deadline_is_exceeded_by_few_hosts_and_grows_with_what_there_is_to_do() -> None:
    larger = replace(CURVE, stages=replace(STAGES, pull=600.0))
    assert 300 < CURVE.deadline(LaunchStage.PULL, BEHIND) < CURVE.deadline(LaunchStage.PULL, LATE) < 1200
    assert larger.deadline(LaunchStage.PULL, LATE) == pytest.approx(2 * CURVE.deadline(LaunchStage.PULL, LATE))
    assert CURVE.deadline(LaunchStage.LOAD, 0.0) < STAGES.load + STAGES.smoke


@pytest.mark.parametrize(
    ("shown", "health", "behind", "late"),
    [(BLANK, None, 60, 180), (PULLING, None, 490, 1132), (UP_AND_AWAY, Health(Vital.UNREACHABLE), 80, 200)],
)
def test_a_stage_is_behind_and_later_late_whatever_moves(
    shown: Instance, health: Health | None, behind: float, late: float
) -> None:
    assert watched(*every(10, behind - 20, shown, health)).lag is Lag.NONE
    assert watched(*every(10, behind + 10, shown, health)).lag is Lag.BEHIND
    assert watched(*every(10, late - 20, shown, health)).lag is Lag.BEHIND
    given_up = watched(*every(10, late + 10, shown, health))
    assert given_up.lag is Lag.LATE
    assert "enough on almost every host" in given_up.why


def test_a_stage_counts_from_its_own_start_and_no_stage_begins_twice() -> None:
    before = every(10, 400, PULLING)
    assert watched(*before, (410, UP_AND_AWAY, None), (460, UP_AND_AWAY, None)).lag is Lag.NONE
    lost = watched(*before, (410, UP_AND_AWAY, None), (420, PULLING, None), (430, UP_AND_AWAY, None))
    assert (lost.stage, lost.entered) == (LaunchStage.BOOT, NOW + 410)


def test_a_time_without_observation_does_not_count() -> None:
    assert watched((10, BLANK, None), (4000, BLANK, None)).lag is Lag.NONE
    assert watched((10, BLANK, None), (150, BLANK, None), (170, BLANK, None)).lag is Lag.BEHIND


def test_a_model_server_that_does_not_respond_is_left_to_the_limit_that_names_it() -> None:
    assert watched(*every(10, 290, UP_AND_AWAY, STARTING)).lag is Lag.NONE


def downloading(rate: float, seconds: float, total: float = 13.8 * GB) -> Watch:
    """Return the watch of a download at `rate` MB/s that was first seen after 100 s."""
    seen = [(100 + at, UP_AND_AWAY, pulled(rate * 1e6 * at, total)) for at in range(0, int(seconds) + 1, 10)]
    return watched(*seen)


@pytest.mark.parametrize(
    ("rate", "seconds", "lag", "words"),
    [
        (1.0, 50, Lag.NONE, ""),  # not measured yet
        (30.0, 300, Lag.NONE, ""),
        (8.0, 60, Lag.BEHIND, "at 8.0 MB/s takes 28 min more, a launch from the start about 17 min"),
        (5.0, 60, Lag.LATE, "at 5.0 MB/s takes 45 min more"),
        (0.0, 200, Lag.BEHIND, "has not moved for 200 s"),
    ],
)
def test_of_a_download_the_measured_rate_decides(rate: float, seconds: float, lag: Lag, words: str) -> None:
    watch = downloading(rate, seconds)
    assert watch.lag is lag
    assert words in watch.why


def test_a_slow_download_that_is_nearly_done_is_kept() -> None:
    slow = 3.0 * 1e6
    seen = [(100 + at, UP_AND_AWAY, pulled(11 * GB + slow * at, 13.8 * GB)) for at in range(0, 601, 10)]
    assert watched(*seen).lag is Lag.NONE


def test_a_download_that_cannot_end_within_the_limit_is_given_up_at_once() -> None:
    short = replace(CURVE, limit=1500.0)
    seen = [(100 + at, UP_AND_AWAY, pulled(8e6 * at, 13.8 * GB)) for at in range(0, 61, 10)]
    watch = watched(*seen, curve=short)
    assert watch.lag is Lag.LATE
    assert "exceeds 1500 s in all (timings/boot_limit)" in watch.why


def test_nothing_is_behind_in_a_lenient_stage_and_when_it_is_ready() -> None:
    easy = replace(CURVE, lenient=frozenset({LaunchStage.PULL}))
    assert watched(*every(10, 2000, PULLING), curve=easy).lag is Lag.NONE
    assert watched((10, UP_AND_AWAY, HEALTHY), *every(100, 2000, UP_AND_AWAY, None)[1:]).lag is Lag.NONE


def test_only_a_first_boot_that_no_app_uses_is_given_up_for_it() -> None:
    late = replace(still(0), lag=Lag.LATE, why="too slow", stage=LaunchStage.PULL)
    verdict = judge(Candidate(PULLING, None, late, record(1)), UP.timings, NOW)
    assert (verdict.stage, verdict.reason, verdict.deny) == (Stage.FAILED, "too slow", True)
    assert verdict.end == f"{SLOW}pull"
    assert judge(Candidate(PULLING, None, late, record(1), published=True), UP.timings, NOW).stage is Stage.BOOTING
    assert judge(Candidate(PULLING, None, late, served(1)), UP.timings, NOW).stage is Stage.BOOTING
    behind = replace(late, lag=Lag.BEHIND)
    assert judge(Candidate(PULLING, None, behind, record(1)), UP.timings, NOW).stage is Stage.BOOTING


def test_a_machine_of_an_earlier_run_has_the_limit_of_its_whole_boot() -> None:
    limit = UP.timings.boot_limit
    verdict = judge(Candidate(PULLING, None, still(0), record(1, at=NOW - limit)), UP.timings, NOW)
    assert (verdict.stage, verdict.deny) == (Stage.FAILED, True)
    assert verdict.reason == "not healthy within 2700 s (timings/boot_limit)"
    assert (
        judge(Candidate(PULLING, None, still(0), record(1, at=NOW - limit + 9)), UP.timings, NOW).stage is Stage.BOOTING
    )


def test_a_list_from_before_this_machine_was_suspended_says_nothing_of_the_whole_boot() -> None:
    known = record(1, at=NOW - 9 * UP.timings.boot_limit)
    first = look(None, PULLING, None, NOW, PATIENCE)
    slept = look(look(first, PULLING, None, NOW + 6, PATIENCE), PULLING, None, NOW + 4_000, PATIENCE)
    again = look(slept, PULLING, None, NOW + 4_006, PATIENCE)
    for watch, stage in ((first, Stage.BOOTING), (slept, Stage.BOOTING), (again, Stage.FAILED)):
        assert judge(Candidate(PULLING, None, watch, known), UP.timings, watch.seen).stage is stage
    assert look(slept, PULLING, None, NOW + 4_006, PATIENCE, curve=CURVE).steady
