"""The time until a backend is ready: less with every stage, and no download where the disk has everything."""

from __future__ import annotations

from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.eta import Eta, eta
from tests.support.situations import UP

EMPTY = State("ert")


def test_a_start_takes_less_than_a_rental_and_every_stage_less_than_the_one_before() -> None:
    rented = [eta(UP, EMPTY, kept=False, stage=stage) for stage in (None, *LaunchStage)]
    started = [eta(UP, EMPTY, kept=True, stage=stage) for stage in (None, *LaunchStage)]
    assert rented[0] == rented[1]
    assert [one.p50 for one in rented[1:]] == sorted({one.p50 for one in rented[1:]}, reverse=True)
    assert started[0].p50 < rented[0].p50 / 2
    assert all(one.p50 <= one.p95 for one in (*rented, *started))
    assert (started[-1], rented[-1]) == (Eta(0, 0), Eta(0, 0))
    assert started[-2] == rented[-2]
