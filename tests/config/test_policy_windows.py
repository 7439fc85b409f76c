"""Windows of the week in which a machine is to run, and their time zone, as a config has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ert_deploy.config import load
from ert_deploy.core.idle.hours import Window
from ert_deploy.core.model.errors import UsageError

SAMPLE = Path(__file__).parents[2] / "configs" / "sandbox.yaml"
HOUR = 3600.0


def policy(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"{SAMPLE.read_text()}\npolicy: {{{text}}}\n")
    return path


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("mon-fri 08:00-18:00", Window(frozenset(range(5)), 8 * HOUR, 18 * HOUR)),
        ("sat 10:30-14:00", Window(frozenset({5}), 10.5 * HOUR, 14 * HOUR)),
        ("sat-mon 00:00-24:00", Window(frozenset({5, 6, 0}), 0.0, 24 * HOUR)),
        ("sun-sun 22:00-24:00", Window(frozenset({6}), 22 * HOUR, 24 * HOUR)),
    ],
)
def test_a_window_is_read(tmp_path: Path, text: str, window: Window) -> None:
    settings = load(policy(tmp_path, f"idle: windows, windows: [{text}], time_zone: Europe/Oslo"))
    assert (settings.windows, settings.time_zone) == ((window,), "Europe/Oslo")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("idle: windows", "policy/idle: windows needs at least one"),
        ("windows: [mon 08:00-18:00]", "windows are for policy/idle: windows only"),
        ("idle: windows, windows: [mon-fri 8:00-18:00]", "is not a window of the week"),
        ("idle: windows, windows: [monday 08:00-18:00]", "is not a window of the week"),
        ("idle: windows, windows: [mon 18:00-08:00]", "does not end after it begins"),
        ("idle: windows, windows: [mon 08:00-08:00]", "does not end after it begins"),
        ("idle: windows, windows: [mon 08:00-24:30]", "does not end after it begins"),
        ("early_starts_per_day: 1", "starts in advance are learned from requests"),
        ("early_starts_per_day: -1", "early_starts_per_day"),
        ("time_zone: Europe/Nowhere", "is no time zone that is known here"),
        ("time_zone: ../etc/passwd", "is no time zone that is known here"),
        ("time_zone: 1", "not as text"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        load(policy(tmp_path, text))
    assert problem in f"{error.value.summary} {error.value.detail}"


def test_starts_in_advance_need_a_machine_that_stops_by_itself(tmp_path: Path) -> None:
    path = policy(tmp_path, "idle: learned, early_starts_per_day: 1.5")
    assert load(path).early_starts == 1.5
    assert load(policy(tmp_path, "idle: learned")).early_starts == 0
    path = policy(tmp_path, "idle: learned, early_starts_per_day: 1.5")
    path.write_text(re.sub(r"idle_stop: [0-9a-z]+", "idle_stop: 0", path.read_text()))
    with pytest.raises(UsageError) as caught:
        load(path)
    assert "has to stop by itself" in caught.value.summary
