"""Machines that an agent keeps up: which, when, what it costs, and that their limits stay as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.app import lifecycle, look
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.status.read import own_status
from ert_deploy.app.tending.awake import SHARE, Awake
from ert_deploy.app.tending.guard import Tending
from ert_deploy.app.waking.look import Look
from ert_deploy.app.waking.look import look as looked
from ert_deploy.cli.view.links import status_lines
from ert_deploy.cli.view.plan import plan_document, plan_lines
from ert_deploy.core.ledger.months import MONTH
from ert_deploy.core.model.desired import Desired, Guard, Phase
from ert_deploy.core.model.errors import Rejected
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.verdict.starts import Policy
from ert_deploy.core.verdict.waking import CONTENT, Action
from ert_deploy.wiring import Session
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import shared
from tests.support.agent.usual import STOPPED
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

THREE = replace(WANTED, replicas=3, awake=1)
IDLE = Figures(idle=1200 * SHARE)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> FakeWorld:
    monkeypatch.chdir(str(tmp_path))
    found = world()
    lifecycle.up(on_fakes(found, THREE))
    return found


def seen(made: FakeWorld, desired: Desired = THREE) -> tuple[Look, Session]:
    session = on_fakes(made, desired).session(Watcher())
    return looked(session, Policy()), session


def running(made: FakeWorld) -> int:
    return len(made.gpu.running())


def stop_by_guard(made: FakeWorld, machines: int) -> None:
    made.gpu.log = STOPPED
    for one in made.gpu.paid()[:machines]:
        made.gpu.instances[one].halted = True


def test_only_the_first_ones_are_kept_and_only_when_it_is_due(made: FakeWorld) -> None:
    tending = Tending(on_fakes(made, replace(THREE, awake=2)))
    found, session = seen(made)
    assert len(found.guards) == 3
    kept = [seen.address for seen in found.guards[:2]]
    fresh = [replace(one, idle=1.0) for one in found.guards]
    assert list(tending.tend_all(fresh, session, None)) == []
    assert made.backend.kept == []
    assert tending.awake.within == 1200 * SHARE
    idle = [replace(one, idle=1200 * SHARE) for one in found.guards]
    assert list(tending.tend_all(idle, session, Action.WAKE)) == []
    assert made.backend.kept == kept
    assert list(tending.tend_all([replace(one, idle=None) for one in idle], session, None)) == []
    assert made.backend.kept == kept * 2
    assert list(tending.tend_all(idle, session, Action.SLEEP)) == []
    assert list(tending.tend_all(idle, None, None)) == []
    assert made.backend.kept == kept * 2
    assert {one.limits for one in made.gpu.instances.values()} == {(1200, 2700, 43200)}


def test_a_guard_that_cannot_be_told_is_named_once(made: FakeWorld) -> None:
    found, session = seen(made)
    awake, idle = Awake(1), [replace(found.guards[0], idle=900.0)]
    made.backend.faults.queued["keep_awake"] = [Rejected("/admin/limits answered 422")] * 2
    (line,) = awake.keep(idle, session)
    assert line.endswith("is not kept up (replicas/min): /admin/limits answered 422")
    assert list(awake.keep(idle, session)) == []
    assert list(awake.keep(idle, session)) == []
    assert len(made.backend.kept) == 1
    bare = replace(session, ports=replace(session.ports, backend=object()))  # type: ignore[arg-type]
    assert "nothing here reaches its guard" in next(awake.keep(idle, bare))


def test_a_machine_without_an_idle_limit_needs_no_word(made: FakeWorld) -> None:
    found, session = seen(made)
    awake = Awake(1)
    assert list(awake.keep([replace(found.guards[0], limits=(0, 0, 60), idle=9.0)], session)) == []
    assert made.backend.kept == []
    assert awake.within > 1e9


def test_one_that_its_guard_has_stopped_is_started_again_and_no_other(made: FakeWorld) -> None:
    stop_by_guard(made, 3)
    found, _ = seen(made)
    assert (found.need.action, found.needs) == (Action.WAKE, frozenset({1}))
    assert found.need.reason == "0 of 1 machines are up (replicas/min)"
    assert seen(made, replace(THREE, awake=0))[0].need == CONTENT
    with agent(shared(made, desired=THREE), every=0.02):
        eventually(lambda: seen(made)[0].need == CONTENT)
    assert running(made) == 1


def test_after_a_request_for_sleep_nothing_is_kept_awake(made: FakeWorld) -> None:
    lifecycle.sleep(on_fakes(made, THREE))
    assert seen(made)[0].need == CONTENT
    lifecycle.wake(on_fakes(made, THREE), only=frozenset({3}))
    found, _ = seen(made, replace(THREE, awake=2))
    assert (found.need.action, found.needs) == (Action.WAKE, frozenset({1}))
    assert seen(made)[0].need == CONTENT, "one is up, whichever it is"


def test_a_single_machine_is_kept_awake_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    alone, made = replace(WANTED, awake=1), world()
    lifecycle.up(on_fakes(made, alone))
    assert seen(made, alone)[0].need == CONTENT
    made.backend.reported = IDLE
    with agent(shared(made, desired=alone), every=0.02):
        eventually(lambda: made.backend.kept)
        stop_by_guard(made, 1)
        eventually(lambda: running(made) == 1)


def on(made: FakeWorld, desired: Desired = THREE) -> Deployment:
    return on_fakes(made, desired)


def test_plan_status_and_cost_say_what_it_means(made: FakeWorld) -> None:
    plan = look.plan(on(made))
    price = plan.kept
    assert plan.kept == pytest.approx(MONTH * seen(made)[0].guards[0].price)
    assert price is not None
    text = " ".join(" ".join(plan_lines(plan)).split())
    assert f"1 machine stays up while an agent runs: ${price:.2f} a month, used or not" in text
    assert "without an agent each stops 20 min after its last word" in text
    assert plan_document(plan)["kept_up"] == {"machines": 1, "month_usd": round(price, 2)}
    first = own_status(on(made))[0]
    assert first.kept == "3 of 3 up, an agent keeps 1 so (replicas/min)"
    assert any("an agent keeps 1 so" in line for line in status_lines(first, 100))
    for one in (look.plan(on(made), Phase.ASLEEP), look.plan(on(made, replace(THREE, awake=0)))):
        assert one.kept is None
        assert "kept_up" not in plan_document(one)
    assert own_status(on(made, replace(THREE, awake=0)))[0].kept == ""


def test_before_the_first_machine_a_plan_has_the_price_of_the_offers() -> None:
    none = replace(THREE, awake=2, launch=replace(THREE.launch, guard=Guard(idle_stop=0)))
    plan = look.plan(on(world(), none))
    prices = [one.offer.offer.dph_total for one in plan.every[:2] if one.offer is not None]
    assert plan.kept == pytest.approx(MONTH * sum(prices))
    text = " ".join(" ".join(plan_lines(plan)).split())
    assert "2 machines stay up" in text
    assert "each stops by the other limits of its guard" in text
