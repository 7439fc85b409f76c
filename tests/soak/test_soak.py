"""The soak: its arrivals have nights, it sees what a process holds, and what grows is named."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from tests.soak.arrivals import DAY, HOUR, arrivals
from tests.soak.measures import MOST_LOGS, MOST_MEMORY, MOST_OPEN, MOST_STATE, Day, growth, held, size, table
from tests.soak.play import config, played, soak


@pytest.mark.parametrize("seed", range(20))
def test_every_day_has_reports_and_a_night(seed: int) -> None:
    found = arrivals(7, seed)
    assert found == arrivals(7, seed) == sorted(found)
    assert {int(at // DAY) for at in found} == set(range(7))
    assert all(8 * HOUR <= at % DAY < 18 * HOUR for at in found)
    assert all(b - a > 14 * HOUR for a, b in pairwise(found) if a // DAY != b // DAY)


def test_what_a_process_holds_is_seen(tmp_path: Path) -> None:
    memory, opened = held([os.getpid()])
    with (tmp_path / "one").open("w") as one:
        assert held([os.getpid()])[1] == opened + 1
        one.write("x" * 3000)
    assert memory > 10
    assert held([2**22 + 1]) == (0.0, 0)
    assert size([tmp_path / "one", tmp_path / "gone"]) == 3.0


def day(memory: float = 50.0, opened: int = 9, state: float = 5.0, logs: float = 9.0) -> Day:
    return Day({"agent": memory}, {"agent": opened}, state, logs)


def test_only_growth_from_the_second_day_on_beyond_the_limits_is_named() -> None:
    steady = [day(20.0, 3, 0.0, 0.0), *[day()] * 5]
    assert growth([*steady, day()]) == []
    assert growth([*steady, day(50 + MOST_MEMORY, 9 + MOST_OPEN, 5 + MOST_STATE, 9 + 5 * MOST_LOGS)]) == []
    for grown, named in (
        (day(memory=51.0 + MOST_MEMORY), "agent: +9.0 MB"),
        (day(opened=10 + MOST_OPEN), "agent: +5 descriptors"),
        (day(state=6.0 + MOST_STATE), "state: +33 kB"),
        (day(logs=10.0 + 5 * MOST_LOGS), "logs: +1281 kB in 5 days"),
    ):
        (found,) = growth([*steady, grown])
        assert found.startswith(named)
    assert table([*steady, day()]).splitlines()[-1].split()[0] == "7"


def test_its_config_is_the_sample_with_wider_limits() -> None:
    assert "no_progress: 1h\n" in config()


@pytest.mark.nightly
@pytest.mark.timeout(580)
def test_a_virtual_day_of_real_processes(tmp_path: Path) -> None:
    with soak(tmp_path, 540.0) as made:
        (found,) = played(made, 1, 1, lambda _: None)
        assert len(made.reports) == found.reports > 0
    assert set(found.memory) == {"agent", "dashboard", "guard"}
    assert found.starts > 0
