"""Tending of the guard: it gets the number of the policy, never more than without an agent, and keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.guard import AGAIN, Tending
from ert_deploy.app.waking.look import Look, look
from ert_deploy.config import load
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.idle.hours import Window
from ert_deploy.core.model.desired import Desired, Guard
from ert_deploy.core.model.errors import Transient
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.verdict.starts import Policy
from ert_deploy.wiring import Session
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import shared
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED, kinds, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.sleep import asleep, awake

CONFIGS = Path(__file__).parents[2] / "configs"
TENDED = replace(WANTED, shortens_idle=True)
HOUR = 3600.0
JANUARY, JULY = 20_468 * 86_400.0, 20_649 * 86_400.0  # 15 January and 15 July 2026
CHEAP, DEAR = 0.002, 5.0  # $ a minute of waiting: stops soon, stops late


def chosen(
    made: FakeWorld, wait_price: float, choice: Choice = Choice.BREAK_EVEN, desired: Desired = TENDED
) -> Deployment:
    found = on_fakes(made, desired)
    return replace(found, settings=replace(found.settings, idle=choice, wait_price=wait_price))


def looked(deployment: Deployment) -> tuple[Look, Session]:
    session = deployment.session(Watcher())
    return look(session, Policy()), session


def limits(made: FakeWorld) -> tuple[int, int, int]:
    return made.gpu.only().limits


def test_the_guard_gets_a_shorter_limit_and_no_run_takes_it_back() -> None:
    made = awake()
    deployment = chosen(made, CHEAP)
    seen, session = looked(deployment)
    tending = Tending(deployment)
    assert "without use (policy/idle: break-even)" in tending.tend(seen.guard, session)
    idle, *others = limits(made)
    assert 60 <= idle < 1200
    assert others == [2700, 43200]
    assert tending.tend(looked(deployment)[0].guard, session) == ""
    up(made, TENDED)
    assert limits(made)[0] == idle
    assert "SetLimits" not in kinds(made)
    up(made, WANTED)  # the policy was taken out of the config
    assert limits(made) == (1200, 2700, 43200)


@pytest.mark.parametrize("choice", [one for one in Choice if one is not Choice.WINDOWS])
def test_it_is_never_longer_than_without_an_agent(choice: Choice) -> None:
    made = awake()
    deployment = chosen(made, DEAR, choice)
    seen, session = looked(deployment)
    assert Tending(deployment).tend(seen.guard, session) == ""
    assert limits(made) == (1200, 2700, 43200)


def test_a_config_that_allows_more_than_the_rental_did_changes_nothing_by_itself() -> None:
    made = awake()
    longer = replace(TENDED, launch=replace(TENDED.launch, guard=Guard(idle_stop=7200)))
    deployment = chosen(made, DEAR, desired=longer)
    seen, session = looked(deployment)
    Tending(deployment).tend(seen.guard, session)
    assert limits(made)[0] == 1200


def test_a_rental_without_a_limit_gets_one() -> None:
    none = replace(TENDED, launch=replace(TENDED.launch, guard=Guard(idle_stop=0)))
    made = awake()
    up(made, replace(none, shortens_idle=False))
    deployment = chosen(made, CHEAP, desired=none)
    made.gpu.only().override = lambda shown: replace(shown, container=replace(shown.container, env=()))
    seen, session = looked(deployment)
    assert seen.guard is not None
    assert seen.guard.rented is None
    assert Tending(deployment).tend(seen.guard, session)
    assert 60 <= limits(made)[0] < 1200


def test_a_guard_that_does_not_take_it_keeps_what_it_has_and_is_not_asked_at_once() -> None:
    made = awake()
    deployment = chosen(made, CHEAP)
    seen, session = looked(deployment)
    tending = Tending(deployment)
    made.backend.faults.queued["set_limits"] = [Transient("no answer")]
    assert tending.tend(seen.guard, session).endswith("keeps its idle limit: no answer")
    assert tending.tend(seen.guard, session) == ""
    assert limits(made)[0] == 1200
    made.clock.sleep(AGAIN)
    assert tending.tend(looked(deployment)[0].guard, session)
    assert limits(made)[0] < 1200


def test_idle_times_that_were_seen_count_for_a_learned_limit() -> None:
    made = awake()
    deployment = chosen(made, 0.01, Choice.LEARNED)
    tending = Tending(deployment)
    seen, session = looked(deployment)
    assert seen.guard is not None
    even = tending.limit(seen.guard)
    for number in range(60):
        at = seen.guard.at + number * 3600.0
        tending.tend(replace(seen.guard, at=at, idle=0.0), session)
    assert tending.limit(replace(seen.guard, at=seen.guard.at + 60 * 3600.0)) < even


@pytest.mark.parametrize(
    ("figures", "idle"), [(Figures(idle=42.0), 42.0), (Figures(idle=42.0, active=1), 0.0), (Figures(), None)]
)
def test_a_machine_with_work_is_not_idle(figures: Figures, idle: float | None) -> None:
    made = awake()
    made.backend.reported = figures
    guard = looked(chosen(made, CHEAP))[0].guard
    assert guard is not None
    assert guard.idle == idle


def test_what_sleeps_or_is_too_old_has_no_guard_to_tend() -> None:
    made = asleep()
    assert looked(chosen(made, CHEAP))[0].guard is None
    old = awake()
    old.backend.says_limits = False
    deployment = chosen(old, CHEAP)
    seen, session = looked(deployment)
    assert seen.guard is None
    assert Tending(deployment).tend(seen.guard, session) == ""


def test_each_replica_gets_its_limit_and_no_run_takes_it_back() -> None:
    made, two = world(), replace(TENDED, replicas=2)
    lifecycle.up(on_fakes(made, two))
    deployment = chosen(made, CHEAP, desired=two)
    seen, session = looked(deployment)
    tending = Tending(deployment)
    assert len(list(tending.tend_all(seen.guards, session, None))) == 2
    assert list(tending.tend_all(looked(deployment)[0].guards, session, None)) == []
    short = [one.limits[0] for one in made.gpu.instances.values()]
    assert all(60 <= seconds < 1200 for seconds in short)
    assert not lifecycle.up(on_fakes(made, two)).changed
    assert [one.limits[0] for one in made.gpu.instances.values()] == short
    fresh = [replace(guard, idle=0.0) for guard in seen.guards]
    kept = Tending(chosen(made, CHEAP, desired=replace(two, awake=1)))
    assert len(list(kept.tend_all(fresh, session, None))) == 1, "one that is kept up has the limit of the config"


def test_an_agent_tends_the_guard_with_its_looks() -> None:
    made = awake()
    deployment = shared(made, desired=TENDED)
    settings = replace(deployment.settings, idle=Choice.BREAK_EVEN, wait_price=CHEAP)
    with agent(replace(deployment, settings=settings)):
        eventually(lambda: limits(made)[0] < 1200)


@pytest.mark.parametrize("choice", list(Choice))
def test_the_config_names_the_policy(choice: Choice, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    windows = ", windows: [mon-fri 08:00-18:00]" if choice is Choice.WINDOWS else ""
    path.write_text(f"{(CONFIGS / 'sandbox.yaml').read_text()}\npolicy: {{idle: {choice}{windows}}}\n")
    settings = load(path)
    assert settings.idle is choice
    assert settings.desired.shortens_idle is (choice is not Choice.FIXED)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("UTC", JANUARY, 1), ("Europe/Oslo", JANUARY, 0), ("America/New_York", JANUARY, 6), ("America/New_York", JULY, 5)],
)
def test_windows_are_in_the_time_zone_of_the_users(zone: str, day: float, hours: int) -> None:
    made = awake()
    long = replace(TENDED, launch=replace(TENDED.launch, guard=Guard(idle_stop=86_400)))
    deployment = chosen(made, 0.0, Choice.WINDOWS, long)
    window = (Window(frozenset(range(7)), 8 * HOUR, 18 * HOUR),)
    tending = Tending(replace(deployment, settings=replace(deployment.settings, windows=window, time_zone=zone)))
    seen, _ = looked(deployment)
    assert seen.guard is not None
    at_five = replace(seen.guard, at=day + 17 * HOUR, idle=0.0, rented=86_400)
    left = tending.limit(at_five)
    assert left == hours * HOUR if hours else left < HOUR
