"""Objectives: met, missed or unknown, and the verdict on all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from ert_deploy.core.objectives.objective import OBJECTIVES, Measured, Name, Verdict, judge, overall

GOOD = {one.name: Measured(1.0, 100.0) for one in OBJECTIVES}


def verdicts(covered: float = 1.0, shares: Mapping[Name, float | None] = MappingProxyType({})) -> dict[str, str]:
    """Return the verdict on each objective if all are met but for these."""
    measured = GOOD | {name: Measured(share) for name, share in shares.items()}
    return {one.objective.name.value: one.verdict.value for one in judge(measured, covered)}


def test_all_are_met_by_what_is_good() -> None:
    results = judge(GOOD, 1.0)
    assert [one.objective.name for one in results] == list(Name)
    assert (overall(results), overall(results).exit_code) == (Verdict.MET, 0)


@pytest.mark.parametrize(
    ("name", "share", "verdict"),
    [
        (Name.UPTIME, 0.99, "met"),
        (Name.UPTIME, 0.9899, "missed"),
        (Name.HEALTH, 0.99, "missed"),  # more than that
        (Name.HEALTH, 0.9901, "met"),
        (Name.REPORTS, 0.95, "missed"),
        (Name.REPORTS, 0.9501, "met"),
        (Name.TIME, 0.95, "missed"),
        (Name.TIME, 0.96, "met"),
        (Name.TIME, None, "unknown"),
        (Name.TIME, math.nan, "unknown"),
    ],
)
def test_a_target_is_exact(name: Name, share: float | None, verdict: str) -> None:
    assert verdicts(shares={name: share})[name.value] == verdict


def test_missing_data_is_unknown_and_never_met() -> None:
    assert set(verdicts(covered=0.89).values()) == {"unknown"}
    assert set(verdicts(covered=0.9).values()) == {"met"}
    results = judge({}, 1.0)
    assert {one.why for one in results} == {"there is no data of it"}
    assert judge(GOOD, 0.5)[0].why == "only 50% of the hours have data"


def test_one_that_was_missed_wins_over_one_that_is_unknown() -> None:
    unknown = judge(GOOD | {Name.TIME: Measured(None)}, 1.0)
    missed = judge(GOOD | {Name.TIME: Measured(None), Name.UPTIME: Measured(0.5)}, 1.0)
    assert (overall(unknown), overall(unknown).exit_code) == (Verdict.UNKNOWN, 5)
    assert (overall(missed), overall(missed).exit_code) == (Verdict.MISSED, 6)
