"""Network faults: a fixed subset; `make kills` runs all of them and random ones."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.kills import differential, fault_schedule
from tests.kills.fault_proxy import KINDS
from tests.kills.runner import Nursery
from tests.kills.stage import Stage, stage
from tests.support.nightly import nightly

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
ROWS = list(differential.rows())
SHARE = sorted(random.Random(7).sample(ROWS, 6), key=str)
SEEDS = [0, 1, *nightly(2, 3)]


def test_every_kind_of_fault_is_in_the_table() -> None:
    assert {row.kind for row in ROWS} == set(KINDS)
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize("row", SHARE, ids=str)
def test_a_fault_on_the_wire_comes_to_what_it_comes_to_in_the_simulator(row: differential.Row, world: Stage) -> None:
    assert differential.real(row, world) == differential.simulated(row)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_fault_the_same_command_finishes_the_job(
    seed: int, tmp_path: Path, nursery: Nursery, s3: tuple[Any, str]
) -> None:
    with stage(tmp_path / "stage", nursery) as made:
        assert fault_schedule.play(fault_schedule.drawn(seed), made, s3).most <= 2
