"""Early starts by an agent: shortly before the usual hour, once, within their budget, and also after it was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import RLock

import pytest

from ert_deploy.agent import keeper
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.early import UNDER_WAY
from ert_deploy.app.tending.uses import Uses
from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.idle.kept import OPEN, USED
from ert_deploy.core.model.machine.figures import Figures
from tests.agent.test_agent_wakes import Grounded
from tests.support.agent.early_kills import EARLY, killed_at
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import shared
from tests.support.agent.usual import BUDGET, DUE, HOUR, TODAY, learning, stop
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import is_up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import awake

QUICK = 0.02


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stopped(budget: float = BUDGET) -> tuple[FakeWorld, Deployment]:
    """A machine that its guard has stopped at 14:00; requests come at 15:00 of each working day."""
    made = awake()
    settings = learning(on_fakes(made), budget).settings
    stop(made, TODAY + 14 * HOUR)
    return made, replace(shared(made, lock=RLock()), settings=settings)


def ends(deployment: Deployment) -> list[str]:
    kept = Uses(deployment)
    kept.read()
    return [one.end for one in kept.kept.early]


def test_the_machine_is_ready_at_the_usual_hour_without_a_request() -> None:
    made, deployment = stopped()
    with agent(deployment, every=QUICK) as one:
        eventually(lambda: made.gpu.faults.calls.count("list") > 10)
        assert made.gpu.faults.calls.count("start") == 0
        made.clock.time = max(made.clock.time, TODAY + DUE)
        eventually(lambda: one.backend()["phase"] == "ready")
        assert ends(deployment) == [OPEN]
        made.backend.reported = Figures(idle=0.0, active=1)
        eventually(lambda: ends(deployment) == [USED])
    assert made.gpu.faults.calls.count("start") == 1
    is_up(made)
    assert [note for note in one.watcher.notes if "requests are usual" in note]


@pytest.mark.parametrize("budget", [0.0, 0.75])
def test_without_a_budget_for_the_longest_it_sleeps_on(budget: float) -> None:
    made, deployment = stopped(budget)
    made.clock.time = TODAY + DUE
    with agent(deployment, every=QUICK):
        eventually(lambda: made.gpu.faults.calls.count("list") > 10)
    assert made.gpu.faults.calls.count("start") == 0
    assert ends(deployment) == []


def test_two_agents_make_one_start() -> None:
    made, deployment = stopped()
    with agent(deployment, every=QUICK), agent(deployment, every=QUICK) as other:
        eventually(lambda: made.gpu.faults.calls.count("list") > 10)
        made.clock.time = max(made.clock.time, TODAY + DUE)
        eventually(lambda: other.backend()["phase"] == "ready")
    assert made.gpu.faults.calls.count("start") == 1
    assert ends(deployment) == [OPEN]


def test_one_that_is_killed_before_the_start_leaves_it_to_the_next() -> None:
    made, deployment = stopped()
    with pytest.MonkeyPatch.context() as patch, agent(deployment, every=QUICK) as one:
        patch.setattr(keeper, "Flight", Grounded)
        eventually(lambda: made.gpu.faults.calls.count("list") > 10)
        made.clock.time = max(made.clock.time, TODAY + DUE)
        eventually(lambda: ends(deployment) == [OPEN])
        one.keepers[0]._ending.set()
    assert made.gpu.faults.calls.count("start") == 0
    made.clock.time += UNDER_WAY + 60
    with agent(deployment, every=QUICK):
        eventually(lambda: ends(deployment) == [])
        made.clock.time = TODAY + DAY + DUE
        eventually(lambda: made.gpu.faults.calls.count("start") == 1)
        assert ends(deployment) == [OPEN]


POINTS = [(scene, count) for scene, few in EARLY.items() for count in few]
FEW = (("free", 1), ("taken", 5))
REST = [pytest.param(*one, marks=pytest.mark.nightly) for one in POINTS if one not in FEW]


@pytest.mark.parametrize(("scene", "count"), [*FEW, *REST])
def test_the_bound_of_the_day_holds_and_it_goes_on_wherever_it_is_killed(
    tmp_path: Path, scene: str, count: int
) -> None:
    killed_at(tmp_path, scene, count)
