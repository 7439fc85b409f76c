"""A part of `make guard-stats`: machines that stop themselves while 30 % of calls to the provider fail."""

from __future__ import annotations

import pytest

from tests.guard_stats.statistics import RULES, kept, played, quantile


@pytest.mark.timeout(120)
def test_machines_stop_themselves_within_a_minute_of_the_rule_while_three_calls_in_ten_fail() -> None:
    lates, faults = played(100, processes=0.02, rate=0.3, seed=7)
    assert kept(lates) == []
    assert {late.rule for late in lates} == set(RULES)
    assert sum(late.process for late in lates) == 2
    assert sum(faults.values()) - faults["fine"] > 10


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.99, 99.0), (0.999, 100.0), (1.0, 100.0)])
def test_a_quantile_is_never_flattering(share: float, value: float) -> None:
    assert quantile([float(x) for x in range(1, 101)], share) == value
