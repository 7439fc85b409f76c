"""Budgets of a deployment on fakes: what a run may start, what the machine that serves is given, and what is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import sleep, up, wake
from ert_deploy.app.look import plan
from ert_deploy.app.money.grant import NEVER_ENDS, shown
from ert_deploy.app.running.cost import cost
from ert_deploy.app.status.read import status
from ert_deploy.core.ledger.model import DAY, Ledger
from ert_deploy.core.ledger.policy import AtBudget, Budget
from ert_deploy.core.ledger.statement import Item
from ert_deploy.core.model.errors import BudgetSpent, CannotObserve, Rejected, Transient, UsageError
from ert_deploy.core.model.events import Trouble
from tests.support.fakes.budget import spend, store, with_budget
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

FIVE = Budget(5.0, 20.0)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    monkeypatch.chdir(tmp_path)
    return world()


def metered(made: FakeWorld, budget: Budget = FIVE) -> Deployment:
    return with_budget(on_fakes(made), budget)


def keeper(made: FakeWorld, error: Exception | None = None) -> list[tuple[int, int]]:
    """Let the backend take budgets; return what it took."""
    taken: list[tuple[int, int]] = []

    def set_budget(address: Any, certificate: str, secret: Any, seconds: int, serial: int) -> None:
        assert certificate
        assert secret.reveal()
        if error is not None:
            raise error
        taken.append((seconds, serial))

    made.backend.set_budget = set_budget  # type: ignore[attr-defined]
    return taken


def grants() -> list[float]:
    return [one.amount for one in store().load().transitions if one.what == "granted"]


def test_a_machine_gets_its_part_and_keeps_it_while_that_is_about_the_same(made: FakeWorld) -> None:
    taken = keeper(made)
    up(metered(made))
    seconds = int(made.gpu.only().order.env["ERT_BUDGET_SECONDS"])
    price = made.gpu.only().dph
    assert seconds * price / 3600 == pytest.approx(2.5, rel=0.02)
    assert grants() == [pytest.approx(2.5, rel=0.02)]
    assert taken == []
    up(metered(made))
    assert taken == []


def test_what_was_used_is_given_again_while_there_is_some(made: FakeWorld) -> None:
    taken = keeper(made)
    up(metered(made))
    made.clock.go_on(4 * 3600.0)
    up(metered(made))
    ((seconds, serial),) = taken
    assert serial == int(made.clock.now()) or serial > 0
    assert len(grants()) == 2
    assert seconds * made.gpu.only().dph / 3600 == pytest.approx(grants()[-1], rel=0.01)
    assert sum(one for one in grants()[-1:]) < 2.5


def test_a_new_budget_reaches_a_machine_that_had_none_and_one_without_end_ends_it(made: FakeWorld) -> None:
    taken = keeper(made)
    up(metered(made, Budget()))
    assert "ERT_BUDGET_SECONDS" not in made.gpu.only().order.env
    assert taken == []
    up(metered(made, Budget(per_month=4.0)))
    assert len(taken) == 1
    up(metered(made, Budget()))
    assert taken[1][0] == NEVER_ENDS
    made.clock.go_on(5.0)
    up(metered(made, Budget()))
    assert len(taken) == 2


def test_less_is_set_before_it_is_written_and_not_written_if_it_is_not_set(made: FakeWorld) -> None:
    keeper(made)
    up(metered(made))
    watcher = Watcher()
    keeper(made, Transient("it did not respond"))
    up(metered(made, Budget(1.0)), progress=watcher)
    assert len(grants()) == 1
    assert [one.why for one in watcher.events if isinstance(one, Trouble)] == ["it did not respond"]
    keeper(made)
    up(metered(made, Budget(1.0)))
    assert grants()[-1] < 0.6


def test_more_is_written_before_it_is_set_and_stays_written(made: FakeWorld) -> None:
    up(metered(made, Budget(1.0)))
    keeper(made, Rejected("too old"))
    up(metered(made, Budget(9.0)))
    assert len(grants()) == 2
    assert grants()[-1] == pytest.approx(4.5, rel=0.02)


def test_nothing_is_started_when_nothing_is_left_until_the_next_day(made: FakeWorld) -> None:
    spend(made, 4.99)
    with pytest.raises(BudgetSpent) as out:
        up(metered(made))
    assert out.value.exit_code == 5
    assert "$0.01 of $5.00 is left until midnight UTC, $15.01 of $20.00 until the month ends" in out.value.detail
    assert made.gpu.instances == {}
    made.clock.go_on(DAY)
    up(metered(made))
    assert len(made.gpu.instances) == 1


def test_a_sleeping_machine_is_not_woken_beyond_the_budget_and_is_with_one(made: FakeWorld) -> None:
    up(metered(made))
    sleep(metered(made))
    spend(made, 5.0)
    with pytest.raises(BudgetSpent):
        wake(metered(made))
    made.clock.go_on(DAY)
    wake(metered(made))
    assert not made.gpu.only().halted


def test_a_large_part_is_mentioned_before_anything_starts(made: FakeWorld) -> None:
    spend(made, 4.2)
    watcher = Watcher()
    up(metered(made), progress=watcher)
    assert "$4.20 of the $5.00 for this day are spent" in watcher.notes


def test_a_ledger_that_cannot_be_read_starts_nothing_but_stops_everything(made: FakeWorld) -> None:
    up(metered(made))
    store().path.write_bytes(b"nonsense")
    with pytest.raises(CannotObserve, match="what is left of the budget is not known"):
        up(metered(made))
    sleep(metered(made))
    assert made.gpu.only().halted
    up(metered(made, Budget()))


def test_plan_and_status_show_what_is_left(made: FakeWorld) -> None:
    deployment = metered(made, replace(FIVE, at_end=AtBudget.DESTROY))
    lines = [one.what for one in plan(deployment).findings if one.what.startswith("budget: ")]
    assert lines == [
        "budget: $5.00 of $5.00 is left until midnight UTC, $20.00 of $20.00 until the month ends; "
        "the machine is destroyed at its end"
    ]
    up(deployment)
    (line,) = status(metered(made)).budget
    assert "is given to a machine already; the GPU stops at its end, and the disk bills on" in line
    assert status(metered(made, Budget())).budget == ()
    store().path.write_bytes(b"nonsense")
    assert "what is left is not known" in shown(metered(made).session(Watcher()))[0]


def test_machines_without_a_meter_have_a_budget_by_the_ledger_alone(made: FakeWorld) -> None:
    spend(made, 5.0)
    plain = on_fakes(made)
    with pytest.raises(BudgetSpent):
        up(replace(plain, settings=replace(plain.settings, budget=FIVE)))


# What it has cost


def test_the_cost_is_by_the_ledger_and_then_by_the_charges(made: FakeWorld) -> None:
    deployment = metered(made)
    up(deployment)
    made.clock.go_on(7200.0)
    found = cost(deployment, reports=4)
    assert found.notes != ()
    assert found.summary.month.gpu == pytest.approx(0.29 * 2, rel=0.5)
    assert found.per_report == pytest.approx(found.summary.month.total / 4)
    number, now = made.gpu.only().id, made.clock.now()
    made.gpu.charges = lambda *_: (Item(number, "gpu", now - 7200.0, now, 9.0),)  # type: ignore[attr-defined]
    charged = cost(deployment)
    assert charged.notes == ()
    assert charged.summary.month.gpu == pytest.approx(9.0, abs=0.01)
    assert charged.summary.month.charged == pytest.approx(9.0)
    assert cost(deployment).summary.month.total == pytest.approx(charged.summary.month.total, abs=0.01)


def test_the_cost_without_the_provider_is_that_of_the_last_run(made: FakeWorld) -> None:
    deployment = metered(made)
    up(deployment)

    def fails(*_: Any) -> Any:
        raise CannotObserve("Vast.ai is away")

    made.gpu.charges = fails  # type: ignore[attr-defined]
    made.gpu.faults.queued["list_instances"] = [CannotObserve("Vast.ai is away")]
    found = cost(deployment)
    assert any("Vast.ai is away" in note for note in found.notes)
    assert found.summary.month.total > 0.0
    plain = on_fakes(made)
    assert cost(replace(plain, settings=deployment.settings)).summary.month.total > 0.0


def test_a_server_that_is_not_rented_has_no_ledger(made: FakeWorld) -> None:
    deployment = metered(made)
    external: Any = object()
    desired = replace(WANTED, external=external)
    with pytest.raises(UsageError, match="nothing is rented"):
        cost(replace(deployment, settings=replace(deployment.settings, desired=desired)))
    assert Ledger("ert") == store().load()
