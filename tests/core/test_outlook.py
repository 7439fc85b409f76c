"""Outlook of machines whose stages do not scatter: every figure by hand. A second of the GPU costs $0.0001."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import pytest

from ert_deploy.core.launching.costs import within
from ert_deploy.core.launching.evidence import outlook
from ert_deploy.core.launching.outlook import EVEN, POINTS, SCATTER, Outlook, posterior, weighed
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.pulling import LAYERS, afresh, first_look, pace, pulled_share
from ert_deploy.core.launching.race import score
from ert_deploy.core.market.odds import Odds
from ert_deploy.core.market.stages import Spread, Stages
from ert_deploy.core.model.boot.watch import LaunchStage, Watch
from ert_deploy.core.model.observed import Health, Vital

NONE = 1e-9  # a spread
CERTAIN = Spread(NONE, NONE, NONE, NONE, NONE, NONE)
STAGES = Stages(rent=6.0, pull=300.0, boot=45.0, download=900.0, load=60.0, smoke=15.0, spread=CERTAIN)
GB = 10**9
BEGAN = 1000.0
CURVE = Curve(
    STAGES, BEGAN, 2700.0, 300.0, odds=Odds(0.9, 0.8, 0.95), hourly=0.36, boot=0.08, download=0.05, running=0.6,
    model_share=0.8, layers=(GB, GB, GB, GB), unpack=20.0,
)  # fmt: skip
PULL, REST = 320.0, 45.0 + 900.0 + 60.0 + 15.0  # 30 s of any pull, 20 s to unpack, 270 s of the link; then


def seen(stage: LaunchStage, entered: float, since: float, moves: int = 0, pulled: float = 0.0) -> Watch:
    return Watch("", since, stage=stage, entered=entered, moves=moves, pulled=pulled)


def of(watch: Watch, now: float, completed: int | None = None, total: int = 10 * GB, curve: Curve = CURVE) -> Outlook:
    health = Health(Vital.LOADING, phase="pulling", completed=completed, total=total) if completed is not None else None
    return outlook(curve, watch, health, now)


def alike(found: Outlook, time: float, fails: float, look: float, money: float) -> None:
    """Check an outlook all of whose times are the same."""
    assert found.times == pytest.approx((time,) * POINTS)
    assert found.fails == pytest.approx((fails,) * POINTS)
    assert [found.look, found.money] == pytest.approx([look, money])
    assert found.running == 0.6


def slower(median: float, spread: float, elapsed: float) -> float:
    """The share of durations that are longer than `elapsed`."""
    return NormalDist().cdf(math.log(median / elapsed) / spread)


def test_an_offer_is_pulled_by_the_link_of_its_host_or_has_the_image() -> None:
    found = afresh(CURVE)
    assert found.times == pytest.approx((6 + PULL + REST,) * 7 + (6 + 30 + REST,) * 3)
    assert found.fails == pytest.approx((6 + PULL + 45,) * 7 + (6 + 30 + 45.0,) * 3)
    assert found.weights == pytest.approx((0.9 / 7,) * 7 + (0.1 / 3,) * 3)
    assert [found.works, found.money, found.look] == pytest.approx([0.9 * 0.8 * 0.95, 0.13, 6 + 1.5 * 300 / 4 + 20])


def test_a_container_that_starts_in_time_and_one_that_does_not() -> None:
    watch = seen(LaunchStage.BOOT, 100.0, 100.0)
    in_time = of(watch, 120.0)
    alike(in_time, 25 + 975.0, 70.0, 25 + 30.0, 0.1 + 0.04)
    assert in_time.works == pytest.approx(0.8 * 0.95)
    assert in_time.weights == EVEN
    late = of(watch, 150.0)
    alike(late, 10 + 975.0, 40.0, 10 + 30.0, 0.0985 + 0.04)
    assert late.works == pytest.approx(0.0)
    alike(of(watch, 185.0), 10 + 975.0, 20.0, 10 + 30.0, 0.0985 + 0.04)


@pytest.mark.parametrize(("pulled", "link"), [(6 + 30 + 20 + 135.0, 135.0), (40.0, 10.0)])
def test_the_link_of_the_pull_is_half_of_the_evidence_where_both_scatter_alike(pulled: float, link: float) -> None:
    curve = replace(CURVE, stages=replace(STAGES, spread=replace(CERTAIN, download=0.5)))
    found = of(seen(LaunchStage.BOOT, 100.0, 100.0, pulled=pulled), 120.0, curve=curve)
    usual = 900.0 * math.exp(-0.125) * math.sqrt(link / 270.0)
    assert found.times == pytest.approx(tuple(25 + 75 + usual * math.exp(math.sqrt(0.125) * z) for z in SCATTER))


def test_a_download_that_is_measured_takes_as_long_as_its_rate_says() -> None:
    watch = replace(seen(LaunchStage.DOWNLOAD, 300.0, 380.0, moves=4), arrived=GB)
    found = of(watch, 400.0, 5 * GB)
    times = [125.0 * math.exp(0.15 * z) + 75.0 for z in SCATTER]
    assert found.times == pytest.approx(times)
    assert found.fails == pytest.approx([time / 2 + 30 for time in times])
    assert found.money == pytest.approx(0.0001 * sum(times) / 7 + 0.05 * 0.8 / 2)
    assert found.look == 10.0
    assert found.works == pytest.approx(posterior(0.95, slower(2 * (30 + 80) / 5, 0.5, 20.0)))
    assert of(replace(watch, arrived=0), 330.0, GB).times[3] == pytest.approx(9 * 30.0 + 75.0), (
        "half a minute is enough"
    )


def test_a_download_that_is_not_measured_takes_as_long_as_is_expected() -> None:
    watch = seen(LaunchStage.DOWNLOAD, 300.0, 300.0)
    alike(of(watch, 310.0), 965.0, 965 / 2 + 30, 20.0, 0.0965 + 0.04)
    alike(of(watch, 310.0, 5 * GB), 965.0, 965 / 2 + 30, 20.0, 0.0965 + 0.02)
    alike(of(watch, 400.0, 0), 875.0, 875 / 2 + 30, 10.0, 0.0875 + 0.04)
    alike(of(watch, 310.0, 0, total=0), 965.0, 965 / 2 + 30, 20.0, 0.0965 + 0.04)
    alike(of(watch, 3000.0), 0.0, 30.0, 10.0, 0.04)
    assert of(watch, 320.0).works == pytest.approx(posterior(0.95, slower(2 * 30.0, 1.0, 20.0)))


def test_a_load_in_time_and_one_that_takes_too_long() -> None:
    watch = seen(LaunchStage.LOAD, 1000.0, 1000.0)
    usual = of(watch, 1030.0)
    alike(usual, 45 + 10.0, 225 - 30.0, 75.0, 0.0055)
    assert usual.works == pytest.approx(0.95)
    assert usual.weights == pytest.approx(EVEN)
    late = of(watch, 1080.0)
    alike(late, 10.0, 225 - 80.0, 75.0, 0.001)
    assert late.weights == (0.0,) * 6 + (1.0,)
    assert late.works == pytest.approx(posterior(0.95, 0.02 / 7))
    assert of(watch, 1220.0).fails[0] == pytest.approx(20.0)


def test_shares_are_weights_unless_hardly_any_is_left() -> None:
    for shares, weights, mean in (((0.3, 0.1), (0.75, 0.25), 0.2), ((0.01, 0.0), (0.0, 1.0), 0.01)):
        found = weighed(shares)
        assert found[0] == pytest.approx(weights)
        assert found[1] == pytest.approx(mean)


def test_a_pull_goes_on_at_its_pace() -> None:
    """A quarter came after 80 s and 20 s ago, where 83.5 s are expected: as good as on time."""
    found = of(seen(LaunchStage.PULL, BEGAN, BEGAN + 80, moves=2), BEGAN + 100)
    assert found.times == pytest.approx((6 + PULL - 100 + REST,) * 7 + (10 + REST,) * 3)
    assert found.fails == pytest.approx((6 + PULL - 100 + 45,) * 7 + (10 + 45,) * 3)
    assert [found.look, found.money] == pytest.approx([20.0, 0.13])
    layer = 290 / 4
    near = math.exp(-((math.log(80 / (6 + layer + 5)) / math.hypot(0.25, 0.15)) ** 2) / 2)
    shown = [0.9 / 7 * near] * 7 + [0.1 / 3 * 1e-4] * 3
    gaps = [layer + 5] * 7 + [30.0 + 45] * 3
    alive = [one * slower(gap, 0.5, 20.0) for one, gap in zip(shown, gaps, strict=True)]
    hangs = sum(shown) / 4 + sum(alive) / 2
    broken = (hangs + sum(alive)) / 2
    starts = 0.9 * sum(alive) / (0.9 * sum(alive) + 0.1 * broken)
    assert found.works == pytest.approx(starts * 0.8 * 0.95)
    assert found.weights == pytest.approx([one / sum(alive) for one in alive])


def test_a_pull_whose_next_layer_is_late_has_a_slow_link() -> None:
    """389 s for half of it: 778 s in all where 290 are usual, and a download as much longer."""
    found = of(seen(LaunchStage.PULL, BEGAN, BEGAN + 80, moves=2), BEGAN + 400)
    assert found.times[:7] == pytest.approx([36 + 778 - 400 + 45 + 900 * 778 / 290 + 75] * 7)
    assert found.times[7:] == pytest.approx([10 + REST] * 3)


def test_the_last_layer_is_followed_by_what_takes_as_long_on_every_link() -> None:
    """It may have come already: neither that end nor the time until it is seen counts against the link."""
    found = of(seen(LaunchStage.PULL, BEGAN, BEGAN + 230, moves=4), BEGAN + 500)
    assert found.times[0] == pytest.approx(10 + 45 + 900 * (500 - 6 - 5 - 60) / 290 + 75)
    assert found.weights[7] < 1e-3
    near = math.exp(-((math.log(230 / (6 + 217.5 + 5)) / math.hypot(0.125, 0.15)) ** 2) / 2)
    shown, gap = 0.9 * near, 72.5 + 5 + 30
    alive = shown * slower(gap, 0.5, 270.0)
    broken = (0.25 * shown + alive) / 2
    assert found.works == pytest.approx(0.9 * alive / (0.9 * alive + 0.1 * broken) * 0.76, rel=1e-2)


def test_before_the_first_layer_the_next_look_is_when_it_is_expected() -> None:
    watch = seen(LaunchStage.PULL, BEGAN + 10, BEGAN + 10, moves=1)
    assert first_look(CURVE) == pytest.approx(138.5)
    assert of(watch, BEGAN + 50).look == pytest.approx(88.5)
    assert of(watch, BEGAN + 130).look == 20.0
    assert of(seen(LaunchStage.RENT, BEGAN, BEGAN), BEGAN - 30).times[0] == pytest.approx(6 + PULL + REST)


def test_the_pace_of_a_pull_by_hand() -> None:
    moving = seen(LaunchStage.PULL, BEGAN, BEGAN + 111, moves=2)
    assert pace(CURVE, moving, BEGAN + 115) == pytest.approx(30 + 100 * 4)
    assert pace(CURVE, replace(moving, moves=3), BEGAN + 115) == pytest.approx(30 + 100 * 2)
    assert pace(CURVE, replace(moving, since=BEGAN + 12), BEGAN + 15) == pytest.approx(30 + 10 * 4)
    without = seen(LaunchStage.PULL, BEGAN, BEGAN, moves=1)
    assert pace(CURVE, without, BEGAN + 111) == pytest.approx(30 + 100 * 4)
    assert pace(CURVE, without, BEGAN + 70) == 0.0
    assert pace(CURVE, without, BEGAN + 999) == pytest.approx(900.0)
    assert pace(CURVE, seen(LaunchStage.BOOT, BEGAN, BEGAN, pulled=106.0), BEGAN + 999) == pytest.approx(100.0)


def test_the_share_of_layers_of_unknown_size() -> None:
    assert pulled_share((), LAYERS) == 1.0
    assert pulled_share((0, 0, 5), 2) == pytest.approx(2e-3)
    assert pulled_share((1, 3), 1) == 0.25


def test_the_score_of_an_offer_is_its_price_and_its_wait() -> None:
    """$0.005 of a change are 10 s at $1.80/h, and the next machine begins 10 s later."""
    sure = replace(CURVE, odds=Odds(1.0, 1.0, 1.0))
    mean = 0.9 * (6 + PULL + REST) + 0.1 * (6 + 30 + REST)
    assert score(sure, 1.8) == pytest.approx(0.13 + 0.6 + 1.8 * (mean + 20) / 3600)


def test_the_part_of_some_runs() -> None:
    assert [within((1.0, 2.0, 3.0, 4.0), part) for part in (0.0, 0.25, 0.26, 0.5, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0]
