"""`status --watch`: one line per change, a redrawn screen on a terminal, and the code of the last look."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any

import click
import pytest

from ert_deploy.app.status import read
from ert_deploy.cli import cli
from ert_deploy.cli.commands import status as command
from ert_deploy.cli.streams import SafeStream
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import Health, OffSwitch, Vital
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, served
from tests.support.fakes.loopback import FakeWorld, certificate


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """Return a deployment that serves and then does not: the third look is interrupted."""
    monkeypatch.setattr(read, "PAUSE", 0.0)
    world = served()
    one = world.gpu.only()
    well = Health(
        Vital.HEALTHY, certificate=certificate(one.order.mark.token), model=WANTED.launch.model, engine="ollama 0.35.0",
        off_switch=OffSwitch.PROVEN,
    )  # fmt: skip
    one.health = well
    looks = iter((well, replace(well, vital=Vital.UNHEALTHY, detail="it hangs")))

    def look(operation: str) -> None:
        if operation == "list":
            one.health = next(looks, None)
            if one.health is None:
                raise KeyboardInterrupt

    world.gpu.faults.chance = look
    return world


def watched(made: FakeWorld) -> int:
    deployment: Any = on_fakes(made)
    return command._watch(deployment, every=False)


def test_a_log_gets_one_line_per_change_and_the_last_code_ends_it(
    made: FakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watched(made) == 6
    said = [line.partition(" UTC ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        "ert: running; as wanted",
        "ert: running; degraded",
        "ert: engine 500: good -> bad: unhealthy: it hangs",
        "ert: model 500: good -> unknown: not known to be loaded: it is not ready",
    ]


def test_a_terminal_is_redrawn(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", SafeStream(screen))
    assert watched(made) == 6
    first, second = screen.getvalue().split(command.CLEAR)[1:]
    assert first.startswith("ert: running; as wanted\n")
    assert second.startswith("ert: running; degraded\n")
    assert "\x1b" not in first + second


def test_before_the_first_look_there_is_no_code_of_its_own(made: FakeWorld) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    made.gpu.faults.chance = interrupted
    with pytest.raises(KeyboardInterrupt):
        watched(made)


def test_a_provider_that_comes_back_ends_it_with_0(made: FakeWorld) -> None:
    healthy = made.gpu.only().health
    errors = iter((CannotObserve("no list"), None, None))

    def look(operation: str) -> CannotObserve | None:
        if operation != "list":
            return None
        try:
            return next(errors)
        except StopIteration:
            raise KeyboardInterrupt from None

    made.gpu.faults.chance = look
    made.gpu.only().health = healthy
    assert watched(made) == 0


def test_it_prints_lines_and_no_documents() -> None:
    with pytest.raises(click.UsageError, match="--watch writes lines"):
        cli.main(["status", "--watch", "--json"], standalone_mode=False)
