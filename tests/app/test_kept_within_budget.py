"""Machines that are kept up, and the budget: one that it has stopped sleeps until it allows a start, said once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.agent import keeper
from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.notify.announce import Delivery
from ert_deploy.app.waking.look import Look
from ert_deploy.app.waking.look import look as looked
from ert_deploy.core.ledger.model import DAY, GRANTED, Transition
from ert_deploy.core.ledger.policy import Budget
from ert_deploy.core.model.boot.allowance import SPENT
from ert_deploy.core.model.errors import BudgetSpent
from ert_deploy.core.notices.notice import Findings, Kind
from ert_deploy.core.verdict.starts import Policy
from ert_deploy.core.verdict.waking import CONTENT, Action
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import shared
from tests.support.agent.usual import STOPPED
from tests.support.fakes.budget import spend, store, with_budget
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

TWO = replace(WANTED, replicas=2, awake=1)
FIVE = Budget(5.0)
USED_UP = "guard: off-switch active\nguard: budget of 3600 s: asked to stop this instance: done; 60 s after its start"
LINE = f"0 of 1 machines are up (replicas/min), and none is started: {SPENT}"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    monkeypatch.chdir(tmp_path)
    found = world()
    lifecycle.up(metered(found))
    found.gpu.log = USED_UP
    for one in found.gpu.instances.values():
        one.halted = True
    return found


def metered(made: FakeWorld, budget: Budget = FIVE) -> Deployment:
    return with_budget(on_fakes(made, TWO), budget)


def seen(made: FakeWorld) -> Look:
    return looked(metered(made).session(Watcher()), Policy())


def give(made: FakeWorld, *dollars: float) -> None:
    """Have the guards of the machines so many $ left."""
    at = made.clock.now()
    for one, amount in zip(made.gpu.list_instances(), dollars, strict=True):
        assert one.mark is not None
        store().save(store().load().adding([Transition(one.mark.token, one.id, GRANTED, at, amount=amount)]))


def test_with_some_left_the_first_is_started_again(made: FakeWorld) -> None:
    give(made, 0.0, 0.0)
    found = seen(made)
    assert (found.need.action, found.needs) == (Action.WAKE, frozenset({1}))
    assert Kind.BUDGET not in {one.kind for one in found.findings.notices}


def test_one_that_the_budget_has_stopped_sleeps_while_another_one_holds_the_rest(made: FakeWorld) -> None:
    give(made, 0.0, 4.99)
    found = seen(made)
    assert (found.need.action, found.needs) == (Action.WAKE, frozenset({2})), "the one that has something left"
    assert found.asleep == (1, 2), "both have used up what they had"
    with pytest.raises(BudgetSpent):
        lifecycle.wake(metered(made), only=frozenset({1}))
    assert not made.gpu.running()
    assert lifecycle.wake(metered(made), only=frozenset({2})).backends


def test_it_sleeps_until_the_next_day_and_that_is_said_once(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Findings] = []

    def announce(_deployment: object, findings: Findings) -> Delivery:
        told.append(findings)
        return Delivery()

    monkeypatch.setattr(keeper, "announce", announce)
    monkeypatch.setattr(keeper, "FRESH", 0.0)
    spend(made, 5.0)
    starts = made.gpu.faults.calls.count("start")
    with agent(with_budget(shared(made, desired=TWO), FIVE), every=0.02) as one:
        eventually(lambda: len(told) > 4)
        assert one.keepers[0].view.flight is None
        assert one.watcher.notes == [LINE]
        assert one.backend()["phase"] == "asleep"
        made.clock.go_on(DAY)
        eventually(lambda: len(made.gpu.running()) == 1)
    assert made.gpu.faults.calls.count("start") == starts + 1


def test_after_a_request_that_the_budget_did_not_allow_it_is_started_on_the_next_day(made: FakeWorld) -> None:
    spend(made, 5.0)
    for number in (1, 2):
        with pytest.raises(BudgetSpent):
            lifecycle.wake(metered(made), only=frozenset({number}))
    found = seen(made)
    assert (found.need, found.announcements[-1]) == (CONTENT, LINE)
    assert [one.text for one in found.findings.notices if one.kind is Kind.BUDGET] == [SPENT]
    made.clock.go_on(DAY)
    assert seen(made).need.action is Action.WAKE


def test_where_what_is_left_is_not_known_none_is_started(made: FakeWorld) -> None:
    store().path.write_bytes(b"nonsense")
    found = seen(made)
    assert found.need == CONTENT
    assert "what is left of the budget is not known" in found.announcements[-1]


def test_a_request_wakes_one_first_that_no_budget_has_stopped(made: FakeWorld) -> None:
    logs = {made.gpu.paid()[0]: USED_UP, made.gpu.paid()[1]: STOPPED}
    made.gpu.logs = lambda instance_id, tail: logs[instance_id]  # type: ignore[method-assign]
    assert seen(made).asleep == (2, 1)
