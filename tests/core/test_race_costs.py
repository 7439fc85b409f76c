"""Costs of a race: by hand where all is certain, and how they follow price, odds, speed and slots elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.launching import costs as module
from ert_deploy.core.launching.costs import PRIME, costs, within
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.market.odds import Odds
from ert_deploy.core.market.stages import Spread, Stages

STAGES = Stages(rent=6.0, pull=300.0, boot=45.0, download=900.0, load=60.0, smoke=15.0)
SURE, EVEN, HOPELESS = Odds(1.0, 1.0, 1.0), Odds(0.5, 0.8, 0.95), Odds(1e-6, 1.0, 1.0)


def curve(odds: Odds = SURE, hourly: float = 0.3, *, pull: float = 300.0, download: float = 900.0) -> Curve:
    stages = replace(STAGES, pull=pull, download=download)
    boot = hourly * stages.billed / 3600.0
    return Curve(
        stages, 0.0, 2700.0, 300.0, odds=odds, hourly=hourly, boot=boot, download=0.05, running=2 * hourly,
        model_share=0.8,
    )  # fmt: skip


def worth(waited: float) -> float:
    return 1.8 * (1.0 + waited / 135.0)


def middle(*offers: Curve, slots: int = 1) -> float:
    return within(costs(offers, worth, slots), 0.5)


def test_they_are_in_order_and_a_part_of_them_is_within_a_quantile() -> None:
    found = costs([curve(EVEN)] * 4, worth, 2)
    assert len(found) == PRIME - 1
    assert list(found) == sorted(found)
    low, high = within(found, 0.05), within(found, 0.95)
    assert sum(one < low for one in found) / len(found) < 0.05 <= sum(one <= low for one in found) / len(found)
    assert sum(one <= high for one in found) / len(found) == pytest.approx(0.95, abs=0.002)
    assert within(found, 0.0) == found[0]


def test_the_cost_of_a_machine_that_is_certain_is_its_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 2 h at $0.30, 1020 s of boot, download, load and test at it, and the traffic; cached: that of 80 %."""
    monkeypatch.setattr(module, "DAY", 0.0)
    certain = replace(STAGES, spread=Spread(1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9))
    one = replace(curve(), stages=certain)
    whole, cached = (0.6 + 0.3 * 1020.0 / 3600.0 + traffic for traffic in (0.05, 0.04))
    found = costs([one], worth, 1)
    assert {round(price, 6) for price in found} == {round(whole, 6), round(cached, 6)}
    assert sum(price < whole - 1e-6 for price in found) / len(found) == pytest.approx(0.1, abs=0.01)


def test_a_dearer_machine_is_dearer_and_an_uncertain_one_too() -> None:
    assert middle(curve(hourly=0.3)) < middle(curve(hourly=0.5))
    sure, even = (sum(costs([curve(odds)] * 6, worth, 1)) for odds in (SURE, EVEN))
    assert sure < even
    assert sum(costs([curve(HOPELESS)], worth, 1)) / (PRIME - 1) > 0.6, "none works: all that it rents is paid"


def test_the_offers_that_follow_count() -> None:
    """The first one fails in most runs, so that half of them end on the next."""
    assert middle(curve(HOPELESS), curve(hourly=0.5)) == pytest.approx(middle(curve(hourly=0.5)), rel=0.1)


def test_a_second_machine_that_is_dearer_and_sooner_wins_where_its_time_is_worth_it() -> None:
    slow, fast = curve(EVEN, 0.2), curve(SURE, 0.9, pull=60.0, download=100.0)
    always, never = sum(costs([slow, fast], lambda _: 40.0, 2)), sum(costs([slow, fast], lambda _: 0.01, 2))
    assert always > 1.5 * never


def test_days_differ_and_make_the_range_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    def ratio() -> float:
        found = costs([curve()], worth, 1)
        return within(found, 0.95) / within(found, 0.05)

    usual = ratio()
    monkeypatch.setattr(module, "DAY", 0.0)
    assert ratio() < usual


def test_an_offer_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = [curve(hourly=0.2), curve(hourly=0.9)]
    usual = sum(costs(offers, worth, 1))
    monkeypatch.setattr(module, "STALE", 0.5)
    assert sum(costs(offers, worth, 1)) > 1.05 * usual


def test_without_a_race_nothing_slow_is_replaced() -> None:
    """A machine that is slow in every case is kept at any worth of the wait; the next one is only for a failure."""
    slow, quick = curve(hourly=0.3, download=9000.0), curve(hourly=0.3, download=90.0)
    patient, raced = (costs([slow] + [quick] * 5, lambda _: 1e6, 1, races=races) for races in (False, True))
    assert within(patient, 0.5) > 0.6 + 0.3 * 5000.0 / 3600.0 > within(raced, 0.5)


def test_without_a_race_offers_come_later_that_are_cheaper_or_dearer() -> None:
    """Where the first machines fail, the winner may be a new one at another price; a race takes the listed ones."""
    offers = [curve(EVEN, download=3000.0)] * 6
    patient, raced = (costs(offers, lambda _: 1e-3, 1, races=races) for races in (False, True))
    assert min(patient) < 0.6 <= min(raced)
    assert max(patient) > max(raced)
