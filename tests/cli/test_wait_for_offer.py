"""`up --wait-for-offer`: the accepted durations, and their way to the application."""

from __future__ import annotations

from typing import Any

import click
import pytest

from ert_deploy.app import lifecycle
from ert_deploy.cli import cli


class Called(Exception):
    """Raised in place of the run, with its arguments."""


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    def called(config: str | None, **options: Any) -> None:
        raise Called(options["wait_for_offer"])

    monkeypatch.setattr(lifecycle, "up", called)


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200.0), ("90", 90.0), ("45s", 45.0), ("0.5m", 30.0), ("0", 0.0), ("24h", 86400.0)]
)
def test_a_duration_is_accepted(text: str, seconds: float) -> None:
    with pytest.raises(Called) as call:
        cli.main(["up", "--wait-for-offer", text], standalone_mode=False)
    assert call.value.args == (seconds,)


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("text", ["", "2 h", "-1", "1d", "25h", "nan", "1e3", "two", "1h30m"])
def test_anything_else_is_rejected_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is not a duration up to 24h, such as 90s, 20m or 2h"):
        cli.main(["up", "--wait-for-offer", text], standalone_mode=False)


@pytest.mark.usefixtures("given")
def test_without_it_nothing_is_waited_for() -> None:
    with pytest.raises(Called) as call:
        cli.main(["up"], standalone_mode=False)
    assert call.value.args == (0.0,)
