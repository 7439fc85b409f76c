"""`down` with an old config, and with a store that cannot be locked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import down, sleep
from ert_deploy.cli.documents import outcome_document
from ert_deploy.config import ConfigProblems, load
from ert_deploy.core.model.errors import Busy, ErtError, Failed
from ert_deploy.wiring import Session
from tests.support.fakes.history import WANTED, up
from tests.support.fakes.loopback import FakeWorld, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

OLD = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: ert-dashboard}]}
timings:
  settle: 4m
  call_within: 10m
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a config from before `settle` had to include the call and the provider's lag."""
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


def test_an_old_config_is_told_which_line_to_change_and_goes_down_all_the_same(old: Path) -> None:
    with pytest.raises(ConfigProblems) as refused:
        load(old)
    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (6, "timings/settle")
    assert problem.hint == "settle: 750s, or a shorter call_within"
    assert load(old, going_down=True).desired.timings.settle == 750.0


def test_on_the_way_down_a_settle_time_that_is_long_enough_stays(old: Path) -> None:
    old.write_text(OLD.replace("10m", "1m"))
    assert load(old, going_down=True).desired.timings.settle == 240.0


@dataclass
class Unlockable:
    """Store whose lock cannot be acquired."""

    made: FakeWorld
    error: ErtError

    def __getattr__(self, name: str) -> object:
        return getattr(self.made.store, name)

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        raise self.error


def _wire(old: Path, error: ErtError) -> tuple[FakeWorld, Deployment]:
    made = world()
    up(made)
    ports = replace(made.ports, store=Unlockable(made, error))  # type: ignore[arg-type]
    session = Session(load(old, going_down=True), WANTED, ports)
    return made, Deployment(session.settings, connector=lambda *_, **__: session)


def test_down_goes_on_without_a_lock_that_cannot_be_taken(old: Path) -> None:
    made, deployment = _wire(old, Failed("No space left on device"))
    outcome = down(deployment)
    assert made.gpu.paid() == ()
    assert outcome.unknown_until == 0.0


@pytest.mark.parametrize(("command", "error"), [(down, Busy("somebody")), (sleep, Failed("full"))])
def test_a_lock_that_somebody_holds_and_another_command_wait(
    old: Path, command: Callable[[Deployment], object], error: ErtError
) -> None:
    made, deployment = _wire(old, error)
    with pytest.raises(type(error)):
        command(deployment)
    assert made.gpu.paid()


def test_down_now_says_until_when_something_may_appear(old: Path) -> None:
    made, deployment = _wire(old, Failed("No space left on device"))
    made.store.lose()
    outcome = down(deployment, now=True, check=False)
    assert 200.0 < outcome.unknown_until - made.clock.time <= 270.0
    assert outcome_document(outcome)["may_appear_until"] == round(outcome.unknown_until)
