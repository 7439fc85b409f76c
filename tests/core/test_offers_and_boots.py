"""Offer selection (filters, order, expected costs) and classification of boots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.desired import Criteria, Market
from ert_deploy.core.model.observed import Health, Instance, Offer, OffSwitch, Vital
from ert_deploy.core.model.state import LONG_AGO, InstanceRecord
from ert_deploy.core.planning.health import BAD_LOOKS, BAD_LOOKS_SERVING, Candidate, Stage, complaint, judge, look
from ert_deploy.core.planning.offers import choose, country, merged
from ert_deploy.providers.vast.messages import read
from tests.support.fakes.market import offer
from tests.support.situations import NOW, UP, healthy, instance, record, still
from tests.support.vast.says import says

BID = replace(UP, launch=replace(UP.launch, market=Market.INTERRUPTIBLE, bid=0.10))
AT_THE_CAP = replace(BID, launch=replace(BID.launch, bid=0.4))  # plus the price of the disk
STRICT = replace(UP, criteria=Criteria(0.4, datacenter=True, gpu_names=("RTX 4090",), countries=("SE", "US")))
GOOD = {"datacenter": True, "gpu_name": "RTX 4090"}


@pytest.mark.parametrize(
    ("desired", "changes", "filters"),
    [
        (UP, {}, []),
        (UP, {"dph_total": 0.41}, ["offer/max_dph"]),
        (UP, {"dph_total": float("nan")}, ["offer/max_dph"]),
        (UP, {"dph_total": -1.0}, ["offer/max_dph"]),
        (UP, {"dph_total": float("inf")}, ["offer/max_dph"]),
        (UP, {"inet_down_cost": 0.03}, ["offer/max_inet_cost"]),
        (UP, {"gpu_ram_mb": 22499.0}, ["offer/gpu_ram"]),
        (UP, {"reliability": 0.9}, ["offer/min_reliability"]),
        (UP, {"reliability": float("nan")}, ["offer/min_reliability"]),
        (UP, {"inet_down": 499.0}, ["offer/min_inet_down"]),
        (UP, {"cuda": 12.3}, ["offer/min_cuda"]),
        (UP, {"ports": 3}, ["offer/min_ports"]),
        (UP, {"duration": 3600.0}, ["offer/min_duration"]),
        (UP, {"duration": float("inf")}, []),
        (UP, {"disk_gb": 39.0}, ["launch/disk_gb"]),
        (UP, {"num_gpus": 2}, ["one GPU"]),
        (UP, {"cpu_arch": "arm64"}, ["cpu_arch"]),
        (UP, {"cpu_arch": ""}, ["cpu_arch"]),
        (UP, {"rentable": False}, ["rentable"]),
        (UP, {"verified": False}, ["offer/verified"]),
        (replace(UP, criteria=Criteria(max_dph=0.4, verified=False)), {"verified": False}, []),
        (STRICT, GOOD, []),
        (STRICT, {**GOOD, "datacenter": False}, ["offer/datacenter"]),
        (STRICT, {**GOOD, "gpu_name": "RTX 3090"}, ["offer/gpu_names"]),
        (STRICT, {**GOOD, "geolocation": "Texas, US"}, []),
        (STRICT, {**GOOD, "geolocation": "Norway, NO"}, ["offer/countries"]),
        (STRICT, {**GOOD, "geolocation": ""}, ["offer/countries"]),
        (BID, {"min_bid": 0.10}, []),
        (BID, {"min_bid": None}, []),
        (BID, {"min_bid": 0.11}, ["launch/bid"]),
        (replace(BID, launch=replace(BID.launch, bid=None)), {}, ["launch/bid"]),
        (AT_THE_CAP, {"min_bid": 0.10, "dph_total": 0.11}, ["offer/max_dph"]),
        (AT_THE_CAP, {"min_bid": 0.10, "dph_total": 0.10}, []),
        (UP, {"dph_total": 1.0, "cuda": 1.0, "num_gpus": 8}, ["offer/max_dph", "offer/min_cuda", "one GPU"]),
    ],
)
def test_an_offer_is_checked_again_here_whatever_the_server_filtered(
    desired: object, changes: dict[str, object], filters: list[str]
) -> None:
    choice = choose([offer(1, **changes)], desired)  # type: ignore[arg-type]
    rejected = [r.filter for _, reasons in choice.rejected for r in reasons]
    assert rejected == filters
    assert len(choice.ranked) == (not filters)


def test_a_machine_on_the_deny_list_is_not_rented() -> None:
    choice = choose([offer(1), offer(2)], UP, frozenset({"1001"}))
    assert [r.offer.id for r in choice.ranked] == ["2"]
    assert choice.rejected[0][1][0].detail == "machine 1001 failed here before"


def test_a_machine_with_an_instance_of_ours_is_not_rented_again() -> None:
    choice = choose([offer(1), offer(2)], UP, occupied=frozenset({"1001"}))
    assert [r.offer.id for r in choice.ranked] == ["2"]
    assert choice.rejected[0][1][0].detail == "machine 1001 has an instance of this deployment"


def test_two_searches_are_one_market_with_the_later_price_and_the_cpu_that_was_asked_for() -> None:
    found = [offer(1, dph_total=0.2), offer(2)]
    both = merged(found, [offer(1, dph_total=0.3, cpu_arch=""), offer(3, cpu_arch="")])
    market = [(o.id, o.dph_total, o.cpu_arch) for o in both]
    assert market == [("1", 0.3, "amd64"), ("2", 0.202, "amd64"), ("3", 0.203, "")]


def test_another_cpu_is_named() -> None:
    choice = choose([offer(1, cpu_arch="arm64"), offer(2, cpu_arch="")], UP)
    assert [why[0].detail for _, why in choice.rejected] == ["arm64, the image is amd64", "unknown, the image is amd64"]


def test_what_each_filter_removed_is_counted_most_first() -> None:
    choice = choose([offer(1, cuda=1.0), offer(2, cuda=1.0, ports=0), offer(3)], UP)
    assert choice.removed_by() == (("offer/min_cuda", 2), ("offer/min_ports", 1))


def test_a_cheap_hour_with_a_dear_download_is_not_cheap() -> None:
    cheap, dear = offer(1, dph_total=0.20, inet_down_cost=0.02), offer(2, dph_total=0.25, inet_down_cost=0.0)
    assert [r.offer.id for r in choose([cheap, dear], UP).ranked] == ["2", "1"]
    assert [r.offer.id for r in choose([cheap, dear], replace(UP, plan_hours=10)).ranked] == ["1", "2"]


def test_interruptible_offers_are_ranked_by_our_bid_and_not_by_the_least_one() -> None:
    """The price is bid plus disk: here the offer with the lower minimum bid has the more expensive disk."""
    low, high = offer(1, min_bid=0.01, dph_total=0.05), offer(2, min_bid=0.09, dph_total=0.10)
    ranked = choose([low, high], BID).ranked
    assert [r.offer.id for r in ranked] == ["2", "1"]
    assert [r.estimate.hourly for r in ranked] == pytest.approx([0.11, 0.14])


def test_among_equals_the_more_reliable_and_then_the_older_offer_is_first() -> None:
    same = [offer(n, dph_total=0.3) for n in (3, 1, 2)]
    assert [r.offer.id for r in choose(same, UP).ranked] == ["1", "2", "3"]


OFFERS = st.builds(
    offer,
    st.integers(1, 99),
    dph_total=st.floats(0, 1) | st.just(float("nan")),
    reliability=st.floats(0, 1),
    inet_down=st.floats(0, 5000),
    inet_down_cost=st.floats(0, 0.05),
    verified=st.booleans(),
)


@given(st.lists(OFFERS, max_size=12), st.randoms())
def test_a_ranking_loses_nobody_and_does_not_depend_on_the_order_of_the_answer(
    offers: list[Offer], draw: object
) -> None:
    choice = choose(offers, UP)
    assert len(choice.ranked) + len(choice.rejected) == len(offers)
    costs = [r.estimate.score(UP.criteria.max_dph) for r in choice.ranked]
    assert costs == sorted(costs)
    assert all(r.offer.dph_total <= UP.criteria.max_dph for r in choice.ranked)
    shuffled = list(offers)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [r.estimate for r in choose(shuffled, UP).ranked] == [r.estimate for r in choice.ranked]


def test_an_estimate_counts_hours_boot_download_and_luck() -> None:
    found = estimate(offer(1, dph_total=0.36, inet_down=1000.0, inet_down_cost=0.01, reliability=1.0), UP.launch, 2.0)
    assert found.running == pytest.approx(0.72)
    assert found.download == pytest.approx((4.0 + 13.8) * 0.01)
    assert found.boot == pytest.approx(0.36 * found.stages.billed / 3600)
    assert found.works == pytest.approx(0.98)
    assert found.expected() == pytest.approx(found.running + (found.boot + found.download) / 0.98)
    assert found.wait() == pytest.approx(found.stages.total / 0.98)
    assert found.score(0.5) == pytest.approx(found.expected() + 0.5 * found.wait() / 3600)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("Texas, US", "US"),
        ("Sweden, se", "SE"),
        ("US", "US"),
        ("", ""),
        ("Texas", ""),
        ("a, b, NO", "NO"),
        ("X, 12", ""),
    ],
)
def test_a_country_is_the_two_letters_at_the_end(place: str, code: str) -> None:
    assert country(place) == code


# Classification of starts


def candidate(found: Instance, health: Health | None = None, watch: Watch | None = None, **about: bool) -> Candidate:
    return Candidate(found, health, watch or Watch("", NOW), record(int(found.id), **about))


@pytest.mark.parametrize(
    ("found", "health", "words"),
    [
        (instance(1), None, ""),
        (instance(1), healthy(1), ""),
        (instance(1, status="exited"), healthy(1), ""),
        (instance(1), Health(Vital.LOADING), ""),
        (instance(1), Health(Vital.UNREACHABLE), ""),
        (instance(1), Health(Vital.UNHEALTHY, "engine died"), "unhealthy: engine died"),
        (instance(1), Health(Vital.IMPOSTOR), "impostor"),
        (instance(1, message=read("Error: Manifest unknown")), None, "the host says: Error: Manifest unknown"),
        (instance(1, message=read("OCI runtime create failed")), None, "the host says: OCI runtime create failed"),
        (instance(1, message=read("no space left on device")), None, "the host says: no space left on device"),
        (instance(1, status="offline"), None, "the container is offline"),
        (instance(1, status="unknown"), None, "the container is unknown"),
        (instance(1, status=None, intended="stopped", current="stopped"), None, "it stopped before its container ran"),
        (instance(1, status="loading", intended="stopped"), None, "it stopped before its container ran"),
        (
            instance(1, status="loading", intended="stopped", message=read("so sorry")),
            None,
            "it stopped before its container ran, the host says: so sorry",
        ),
        (instance(1, status="exited", message=read("success, running x/args")), None, "the container is exited"),
        (
            instance(1, status="exited", message=read("exec /x: exec format error")),
            None,
            "the container is exited, the host says: exec /x: exec format error",
        ),
    ],
)
def test_a_complaint_names_what_is_wrong(found: Instance, health: Health | None, words: str) -> None:
    assert complaint(found, health) == words


def test_a_look_that_shows_a_change_restarts_the_clock_and_a_bad_one_adds_a_strike() -> None:
    first = look(None, instance(1, message=read("a")), None, 10.0, 600.0)
    same = look(first, instance(1, message=read("a")), None, 20.0, 600.0)
    moved = look(same, instance(1, message=read("b")), None, 30.0, 600.0)
    assert (first.since, same.since, moved.since) == (10.0, 10.0, 30.0)
    bad = look(moved, instance(1, status="exited"), None, 40.0, 600.0)
    worse = look(bad, instance(1, status="exited"), None, 50.0, 600.0)
    good = look(worse, instance(1), Health(Vital.LOADING, completed=5), 60.0, 600.0)
    assert (bad.strikes, worse.strikes, good.strikes) == (1, 2, 0)
    assert look(None, instance(1, status="exited"), None, 1.0, 600.0).strikes == 1
    further = look(good, instance(1), Health(Vital.LOADING, completed=6), 70.0, 600.0)
    assert further.since == 70.0


def test_time_that_nobody_looked_is_no_time_without_progress() -> None:
    first = look(None, instance(1, message=read("a")), None, 10.0, 600.0)
    slept = look(first, instance(1, message=read("a")), None, 5_000.0, 600.0)
    looked = look(first, instance(1, message=read("a")), None, 310.0, 600.0)
    assert (slept.since, looked.since) == (5_000.0, 10.0)
    assert (first.steady, slept.steady, looked.steady) == (False, False, True)


def test_one_that_serves_gets_more_patience_than_a_new_one() -> None:
    sick = Health(Vital.UNHEALTHY, "x")
    for strikes in range(8):
        new = judge(candidate(instance(1), sick, still(1, strikes)), UP.timings, NOW)
        serving = judge(candidate(instance(1), sick, still(1, strikes), pinned=True), UP.timings, NOW)
        assert (new.stage is Stage.FAILED) == (strikes >= BAD_LOOKS)
        assert (serving.stage is Stage.FAILED) == (strikes >= BAD_LOOKS_SERVING)


STOPPED = instance(1, status="exited", intended="stopped", current="stopped")
STARTED = replace(STOPPED, **says("exited"))


def after_a_start(found: Instance, ago: float, stranded: float = 0.0) -> Candidate:
    """Return a candidate that was running, was stopped, and got a start request `ago` seconds ago."""
    known = replace(record(1, pinned=True), woken=NOW - ago, stranded=stranded)
    return Candidate(found, None, still(ago, 9), known)


def test_one_that_was_stopped_is_asleep_and_nothing_is_wrong_with_it() -> None:
    for strikes in range(9):
        assert judge(candidate(STOPPED, None, still(999, strikes)), UP.timings, NOW).stage is Stage.ASLEEP


@pytest.mark.parametrize("message", ["manifest unknown", "Error response from daemon: no basic auth credentials"])
def test_one_whose_image_cannot_be_pulled_is_not_asleep_but_failed(message: str) -> None:
    verdict = judge(candidate(replace(STOPPED, message=read(message)), None, still(1, 0)), UP.timings, NOW)
    assert (verdict.stage, verdict.deny) == (Stage.FAILED, False)


LIMITED = "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit."
PULLING = replace(STOPPED, **says("loading", "stopped", "stopped"), message=read(LIMITED))
UNHEALTHY = record(1)


@pytest.mark.parametrize(
    ("found", "known", "stage", "deny", "end"),
    [
        (PULLING, UNHEALTHY, Stage.FAILED, True, True),
        (replace(PULLING, status=None), UNHEALTHY, Stage.FAILED, True, True),
        (replace(PULLING, message=read("whatever it says")), UNHEALTHY, Stage.FAILED, True, True),
        (replace(PULLING, message=read("no matching manifest for linux/amd64")), UNHEALTHY, Stage.FAILED, False, True),
        (replace(PULLING, message=read("a1b2c3d4e5f6: Downloading 3.2MB/9MB")), UNHEALTHY, Stage.FAILED, False, False),
        (replace(PULLING, **says("exited", "stopped", "stopped")), UNHEALTHY, Stage.FAILED, True, True),
        (replace(STOPPED, message=read("success, running x/args")), UNHEALTHY, Stage.ASLEEP, False, False),
        (PULLING, replace(UNHEALTHY, woken=NOW - 9), Stage.BOOTING, False, False),
        (PULLING, replace(UNHEALTHY, woken=NOW - 99), Stage.FAILED, True, False),
        (PULLING, record(1, pinned=True), Stage.ASLEEP, False, False),
        (PULLING, None, Stage.ASLEEP, False, False),
        (PULLING, replace(UNHEALTHY, woken=LONG_AGO), Stage.FAILED, True, True),
        (replace(PULLING, message=read("success")), replace(UNHEALTHY, woken=LONG_AGO), Stage.ASLEEP, False, False),
        (STOPPED, replace(UNHEALTHY, woken=LONG_AGO), Stage.ASLEEP, False, False),
    ],
)
def test_one_that_was_never_healthy_and_stopped_is_a_failed_boot_and_does_not_sleep(
    found: Instance, known: InstanceRecord | None, stage: Stage, deny: bool, end: bool
) -> None:
    verdict = judge(Candidate(found, None, still(1, BAD_LOOKS), known), UP.timings, NOW)
    assert (verdict.stage, verdict.deny, bool(verdict.end)) == (stage, deny, end)
    assert judge(Candidate(found, None, still(1, 1), known), UP.timings, NOW).stage is not Stage.FAILED
    assert judge(Candidate(found, None, still(1, 9), known, published=True), UP.timings, NOW).stage is not Stage.FAILED


@pytest.mark.parametrize(
    ("found", "ago", "stage"),
    [
        (STOPPED, 59, Stage.BOOTING),  # the listing lags
        (STOPPED, 60, Stage.ASLEEP),  # it did not start: retry
        (STOPPED, -3600, Stage.ASLEEP),  # the clock was set back: no wait of an hour
        (STARTED, 299, Stage.BOOTING),  # "exited" for minutes after a start is normal
        (STARTED, 300, Stage.STUCK),
        (replace(STARTED, status=None), 300, Stage.STUCK),
        (replace(STARTED, **says("running")), 300, Stage.FAILED),  # running without response: a broken host
        (STARTED, 600, Stage.FAILED),
    ],
)
def test_a_started_one_is_given_its_time_and_then_given_up(found: Instance, ago: float, stage: Stage) -> None:
    assert judge(after_a_start(found, ago), UP.timings, NOW).stage is stage


def test_a_start_gives_the_first_boot_its_whole_time_anew() -> None:
    unproven = Candidate(instance(1), None, still(5), replace(record(1, at=NOW - 9e9), woken=NOW - 2699))
    assert judge(unproven, UP.timings, NOW).stage is Stage.BOOTING
    assert judge(unproven, UP.timings, NOW + 1).stage is Stage.FAILED


@pytest.mark.parametrize(
    ("found", "ago", "stage"),
    [
        (STOPPED, 9e5, Stage.STRANDED),
        (STARTED, 59, Stage.STRANDED),
        (STARTED, 60, Stage.FAILED),  # a queued start completed, and would cost money without use
    ],
)
def test_one_that_was_given_up_is_not_waited_for(found: Instance, ago: float, stage: Stage) -> None:
    verdict = judge(after_a_start(found, 9e5, stranded=NOW - ago), UP.timings, NOW)
    assert (verdict.stage, verdict.deny) == (stage, False)


@pytest.mark.parametrize(
    ("off_switch", "told", "stage"),
    [
        (OffSwitch.REFUSED, False, Stage.FAILED),
        (OffSwitch.REFUSED, True, Stage.READY),
        (OffSwitch.UNKNOWN, False, Stage.READY),
        (OffSwitch.PROVEN, False, Stage.READY),
        (None, False, Stage.READY),
    ],
)
def test_no_app_is_told_of_one_whose_off_switch_is_refused(
    off_switch: OffSwitch | None, told: bool, stage: Stage
) -> None:
    health = replace(healthy(1), off_switch=off_switch)
    verdict = judge(Candidate(instance(1), health, still(1), record(1), published=told), UP.timings, NOW)
    assert verdict.stage is stage
    assert verdict.deny is (stage is Stage.FAILED)


def test_one_that_was_given_up_and_serves_all_the_same_is_ready() -> None:
    given_up = replace(after_a_start(instance(1), 100, stranded=NOW - 90), health=healthy(1))
    assert judge(given_up, UP.timings, NOW).stage is Stage.READY


@pytest.mark.parametrize(
    ("age", "still_for", "pinned", "failed"),
    [
        (100, 299, False, False),
        (400, 300, False, True),
        (2700, 5, False, True),
        (2699, 5, False, False),
        (9e9, 5, True, False),
    ],
)
def test_progress_decides_and_a_limit_for_the_first_boot(
    age: float, still_for: float, pinned: bool, failed: bool
) -> None:
    young = replace(record(1, pinned=pinned), at=NOW - age)
    verdict = judge(Candidate(instance(1), Health(Vital.LOADING), still(still_for), young), UP.timings, NOW)
    assert (verdict.stage is Stage.FAILED) == failed
    assert verdict.deny == failed


def test_one_without_a_record_is_judged_by_its_progress_alone() -> None:
    assert judge(Candidate(instance(1), None, still(5), None), UP.timings, NOW).stage is Stage.BOOTING
    assert judge(Candidate(instance(1), None, still(300), None), UP.timings, NOW).stage is Stage.FAILED
