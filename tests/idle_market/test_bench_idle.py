"""Idle benchmark: a clairvoyant that no policy beats, fixed time-outs in hindsight, its claims, and its page."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import pytest

from benchmarks.idle import page, tables
from benchmarks.idle.bound import NEVER, best, clairvoyant, every_fixed
from benchmarks.idle.chart import draw
from benchmarks.idle.claims import OFFICE, OFFICE_RATIO, TRACE_RATIO, claims
from benchmarks.idle.knobs import KNOBS, PRODUCT, SHARES, TODAY, policies, prices
from benchmarks.idle.measure import TRACE, Case, Found, beaten, measure, sweeps
from benchmarks.idle.patterns import DAY, HOUR, MONDAY, SYNTHETIC, lucky, made, read, span, thinned
from ert_deploy.core.idle.policy import TRUST, BreakEven, Fixed, Learned
from ert_deploy.core.idle.prices import Prices, Taken
from ert_deploy.core.idle.replay import replay
from tests.conftest import SHARED

DOCS = Path(__file__).resolve().parents[2] / "docs"
STORED = SHARED / "traces" / "burstgpt_hourly.csv"
FIRST = 700_000  # numbers of no page and of no choice of constants
NAMES = (TODAY, PRODUCT)


@cache
def played() -> Found:
    return measure([OFFICE], 1, (), NAMES, first=FIRST)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_pattern_is_a_function_of_its_number(name: str) -> None:
    times = made(name, 3)
    assert times == made(name, 3) != made(name, 4)
    assert times == sorted(times)
    assert times[0] >= MONDAY
    assert len(times) > 50
    assert span(times, name) == MONDAY + 42 * DAY


def test_office_hours_are_at_work_and_every_other_week_is_empty() -> None:
    office = made("office hours", 1)
    assert all(9 * HOUR <= at % DAY < 18.1 * HOUR and int(at // DAY - 4) % 7 < 5 for at in office)
    assert all(int((at - MONDAY) // (7 * DAY)) % 2 == 0 for at in made("every other week", 1))


def test_a_trace_is_thinned_by_seed_and_keeps_its_hours(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("# a remark\nhour,sessions\n0,100\n5,300\n")
    hours = read(path)
    assert hours == [(0, 100), (5, 300)]
    half = thinned(hours, 0.5, 1)
    assert half == thinned(hours, 0.5, 1) != thinned(hours, 0.5, 2)
    assert 150 < len(half) < 250
    assert len(thinned(hours, 1.0, 1)) == 400
    assert {int((at - MONDAY) // HOUR) for at in half} == {0, 5}
    assert span(half, TRACE) == MONDAY + 6 * HOUR
    path.write_text("hour,sessions\n5,1\n0,1\n")
    with pytest.raises(ValueError, match="no hours in order"):
        read(path)


def some(seed: int, count: int = 14) -> list[float]:
    """Return a few requests, some close together and some days apart."""
    chance = random.Random(seed)
    at, found = MONDAY, []
    for _ in range(count):
        at += chance.choice([30.0, 300.0, 2400.0, 4 * HOUR, 2 * DAY]) * chance.uniform(0.5, 1.5)
        found.append(at)
    return found


def test_no_policy_without_starts_in_advance_costs_less_than_the_clairvoyant() -> None:
    """Over many markets; and it is reached, by one decision per idle time, where no GPU is taken."""
    for seed in range(30):
        chance = random.Random(seed)
        priced = Prices(wait_price=chance.choice([0.0, 0.05, 0.5]), taken=Taken(chance.random(), HOUR))
        times, luck = some(seed), lucky(seed)
        until = times[-1] + 91.0
        bound = clairvoyant(times, priced, luck, work=90.0)
        for policy in (BreakEven(), Learned(), Fixed(0.0), Fixed(0.0, 0.0), Fixed(600.0), Fixed(NEVER)):
            cost = replay(times, policy, priced, luck, work=90.0, until=until).total(priced.wait_price)
            assert cost >= bound - 1e-9, (seed, policy)


def test_the_clairvoyant_is_reached_where_one_decision_is_right_each_time() -> None:
    priced = Prices(taken=Taken(0.0))
    near = [MONDAY + 600.0 * number for number in range(20)]
    always = replay(near, Fixed(NEVER), priced, lucky(1), work=90.0, until=near[-1] + 90.0)
    assert clairvoyant(near, priced, lucky(1), work=90.0) == pytest.approx(always.total(0.05))
    far = [MONDAY + 30 * DAY * number for number in range(5)]
    gone = replay(far, Fixed(0.0, 0.0), priced, lucky(1), work=90.0, until=far[-1] + 690.0)
    assert clairvoyant(far, priced, lucky(1), work=90.0) == pytest.approx(gone.total(0.05))


def test_the_clairvoyant_stops_late_enough_to_have_its_gpu_back() -> None:
    """Six hours, in which it would be taken after three: it runs for three and sleeps for three."""
    priced = Prices(taken=Taken(1.0, 3 * HOUR), gpu=0.1, disk=0.001, wait_price=0.1)
    times = [MONDAY, MONDAY + 6 * HOUR]
    lost = priced.taken.chance(3 * HOUR)
    bound = clairvoyant(times, priced, lambda _: lost, work=90.0)
    first = priced.run(600.0) + priced.fetch + priced.wait(600.0)
    idle = 6 * HOUR - 690.0
    wanted = priced.run(idle - 3 * HOUR) + priced.keep(3 * HOUR) + priced.restart
    assert bound - first <= wanted + priced.run(idle / 256)
    assert bound - first < min(priced.run(idle), priced.renewal, priced.keep(idle) + priced.renewal)
    late = clairvoyant(times, priced, lambda _: 0.0, work=90.0)
    assert late - first == pytest.approx(priced.run(idle)), "with no luck at all it is taken at once"


def test_the_best_fixed_time_out_makes_no_more_wait_than_allowed() -> None:
    times = made("office hours", FIRST)
    fixed = every_fixed(times, Prices(), lucky(1), work=90.0, until=span(times, "office hours"))
    assert len(fixed) > 150
    for cold in (0.0, 0.2, 0.5, 1.0):
        chosen, played = best(fixed, 0.05, cold=cold, destroys=False)
        assert played.cold <= cold or chosen.stop == NEVER
        assert chosen.destroy == NEVER
        assert best(fixed, 0.05, cold=cold)[1].total(0.05) <= played.total(0.05)
    assert best(fixed, 0.05)[1].total(0.05) == min(one.total(0.05) for _, one in fixed)


def test_office_hours_cost_at_most_what_the_claim_says() -> None:
    found = played()
    (claim,) = claims(found)
    assert claim.limit == OFFICE_RATIO
    assert claim.mean <= OFFICE_RATIO + 0.03, "one run, and none of the page's"
    assert found.mean(OFFICE, PRODUCT, "early") > 15
    assert found.mean(OFFICE, PRODUCT, "total") < found.mean(OFFICE, TODAY, "total")
    assert beaten(found, (TODAY,)) == 0


@pytest.mark.contract
@pytest.mark.skipif(not STORED.is_file(), reason="the trace is not beside the repository")
def test_the_trace_costs_at_most_what_the_claims_say() -> None:
    cases = [Case(TRACE, 0.2), Case(TRACE, 0.05)]
    found = measure(cases, 2, read(STORED), NAMES, first=FIRST)
    assert [claim.limit for claim in claims(found)] == [TRACE_RATIO, TRACE_RATIO]
    for claim in claims(found):
        assert claim.mean <= TRACE_RATIO + 0.1, "two runs, and none of the page's"
    assert beaten(found, (TODAY,)) == 0


def test_every_knob_can_be_changed_and_its_sweep_is_other_values() -> None:
    base = prices({})
    assert base == Prices()
    for knob in KNOBS:
        assert knob.value not in knob.sweep
        if knob.name != "trust":
            assert all(prices({knob.name: value}) != base for value in knob.sweep)
    with pytest.raises(KeyError, match="no knob"):
        prices({"price": 1.0})
    assert len(sweeps([OFFICE])) == sum(len(knob.sweep) for knob in KNOBS)


def test_the_page_has_the_knobs_and_patterns_of_the_code_and_a_row_for_each_policy() -> None:
    text = (DOCS / "bench-idle.md").read_text()
    for part in (*page.constant_parts(), page.MODEL, page.RULES.rstrip(), page.UNTUNED.rstrip()):
        assert part in text
    patterns = len(SHARES) + len(SYNTHETIC)
    for name in policies(TRUST):
        assert len(re.findall(rf"^\| {re.escape(name)} \|", text, re.MULTILINE)) == patterns
    assert "not met" not in text
    picture = (DOCS / "bench-idle.svg").read_text()
    assert picture.count("<circle") == patterns * len(policies(TRUST))


def test_a_run_is_written_as_a_page_and_as_tables() -> None:
    found = played()
    run = page.Run(1, 0, found, Found(), claims(found))
    text = page.write(run)
    assert "## Sensitivity" not in text
    assert f"| {PRODUCT} |" in text
    assert 'make bench-idle TRACE=PATH FLAGS="--runs 1 --sweep 0"' in text
    assert set(page.summary(run)) == {"office hours", "targets"}
    assert draw(found, 1).count("<circle") == len(NAMES)
    swept = Found({case: {PRODUCT: found.cases[OFFICE][PRODUCT]} for case in sweeps([OFFICE])})
    shown = tables.sensitivity(found, swept)
    assert shown.count("\n") == 2 + sum(len(knob.sweep) for knob in KNOBS)
    shown = page.write(page.Run(1, 1, found, swept, claims(found)))
    assert "## Sensitivity" in shown
    cells = sum(len(knob.sweep) for knob in KNOBS)
    above = cells if found.mean(OFFICE, PRODUCT, "same") > OFFICE_RATIO else 0
    assert f"With other knobs {above} of {cells} ratios are above the limit" in shown
