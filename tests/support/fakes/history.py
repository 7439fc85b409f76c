"""Runs the engine on in-memory ports, effect by effect: kill it anywhere, interleave runs, and check every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any, Generic, TypeVar

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Desired, Launch, Phase, Target
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Started
from ert_deploy.core.model.steps import Step
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.effects import Effect, Effects, Method
from ert_deploy.engine.run import interpreter
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import BackendProbe, Clock, GpuHost, StateStore, WebHost
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.webhost import PLATFORM

T = TypeVar("T")
E = TypeVar("E")
BUSY = 500  # effects without a sleep, more than any valid run needs
LONG = 20_000  # effects, more than any valid run needs
# Effects that modify the environment or the state. SIGKILL after any other is equivalent to one before it.
MOVES = frozenset({
    StateStore.save, GpuHost.create, GpuHost.destroy, GpuHost.start, GpuHost.stop, GpuHost.restart, WebHost.put_env,
    WebHost.delete_env, WebHost.deploy, BackendProbe.set_keys, BackendProbe.set_limits,
})  # fmt: skip
# A killed process runs no `finally` and no `except`: its generator is referenced here, so that it is never closed.
KILLED: list[Effects[Any]] = []

WANTED = Desired(
    deployment="ert",
    phase=Phase.RUNNING,
    launch=Launch(image="llm-backend:1", model="gpt-oss:20b"),
    criteria=Criteria(max_dph=0.40),
    targets=(Target("dash"),),
    owner="our-project",
    platform=PLATFORM,
)
GONE = replace(WANTED, phase=Phase.ABSENT)
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))  # requires another machine
WAITING = (steps.AwaitBoot, steps.Settle, steps.Drain)


class Process(Generic[T]):
    """One run that is stepped manually. `result` and `error` are its outcome."""

    def __init__(self, world: FakeWorld, effects: Effects[T], most: int = 2) -> None:
        self.world, self.effects, self.most = world, effects, most
        self.carry_out = interpreter(world.ports)
        self.done = 0
        self.awake = 0
        self.result: T | None = None
        self.error: ErtError | None = None
        self.ended = False
        self.effect: Effect = next(effects)
        self.last: Method | None = None

    def step(self) -> bool:
        """Perform one effect; return False once the run is over."""
        call = self.last = self.effect.method
        self.done += 1
        self.awake = 0 if call is Clock.sleep else self.awake + 1
        assert self.awake < BUSY, "it turns in a circle without sleeping"
        assert self.done < LONG, "it does not come to an end"
        try:
            try:
                value = self.carry_out[call](*self.effect.args, **self.effect.named)
            except ErtError as error:
                self.effect = self.effects.throw(error)
            else:
                self.effect = self.effects.send(value)
        except StopIteration as stop:
            self.result, self.ended = stop.value, True
        except ErtError as error:
            self.error, self.ended = error, True
        self.world.check(self.most, call)
        return not self.ended

    def finish(self) -> T:
        """Run to the end and return the result; raise the error of the run."""
        while not self.ended and self.step():
            pass
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result

    def die(self, after: int) -> bool:
        """Stop after that many effects as if killed; return False when the run was over earlier."""
        while self.done < after:
            if not self.step():
                return False
        KILLED.append(self.effects)
        return True


def kill_points(rehearsal: Process[Any], *, every: bool) -> list[int]:
    """Run to the end. Return after how many effects a kill is of interest: with `every`, also after those that read.

    Without it, of the sleeps in a row only the 1st, 2nd, 4th, 8th and so on.
    """
    points, slept = [], 0
    for _ in iter(rehearsal.step, False):
        slept = 0 if rehearsal.last in MOVES else slept + (rehearsal.last is Clock.sleep)
        longer = rehearsal.last is Clock.sleep and slept & (slept - 1) == 0
        if every or rehearsal.last in MOVES or longer:
            points.append(rehearsal.done)
    rehearsal.finish()
    return points


def argument(effect: Effect, name: str) -> Any:
    """Return an argument of a call by the name of the parameter in the port."""
    return signature(effect.method).bind(None, *effect.args, **effect.named).arguments[name]


def start(world: FakeWorld, desired: Desired = WANTED, most: int = 2) -> Process[Result]:
    """Return a run that is before its first effect."""
    return Process(world, apply(desired, RunMemory()), most)


def up(world: FakeWorld, desired: Desired = WANTED, most: int = 2) -> Result:
    """Run `ert-deploy up` to its end."""
    return start(world, desired, most).finish()


def down(world: FakeWorld, desired: Desired = WANTED, most: int = 2) -> Result:
    """Run `ert-deploy down` to its end."""
    return start(world, replace(desired, phase=Phase.ABSENT), most).finish()


def known() -> RunMemory:
    """Return the memory of a run that has read the account of the fakes."""
    return RunMemory(account="424242")


def served(desired: Desired = WANTED) -> FakeWorld:
    """Return a new environment in which `ert-deploy up` has completed."""
    made = world("ert", *(target.service for target in desired.targets))
    up(made, desired)
    return made


def until(run: Process[Any], condition: Callable[[], object]) -> None:
    """Step the run until a condition is true, then stop it as if killed."""
    while not condition():
        assert run.step(), "the run ended before"
    run.die(run.done)


def save_late(run: Process[Any], slept: float, set_by: float) -> None:
    """Step the run to a write, then let it sleep so many seconds and shift its wall clock by `set_by`."""
    while run.last is not StateStore.save:
        run.step()
    run.world.clock.go_on(slept)
    run.world.clock.set_by = set_by


def done(world: FakeWorld) -> list[Step]:
    """Return the executed steps in order: the first of every plan."""
    return [event.step for event in told(world, Started)]


def kinds(world: FakeWorld, since: int = 0) -> list[str]:
    """Return the names of the executed steps, without waiting."""
    return [type(s).__name__ for s in done(world)[since:] if not isinstance(s, WAITING)]


def told(world: FakeWorld, kind: type[E]) -> list[E]:
    """Return the events of this kind in order."""
    return [event for event in world.listener.events if isinstance(event, kind)]


def is_up(world: FakeWorld, desired: Desired = WANTED) -> None:
    """Assert one healthy instance, a state with that instance alone, and apps that all run with it."""
    made, state = world.gpu.only(), world.store.state
    assert [(r.id, r.token) for r in state.records] == [(made.id, made.order.mark.token)]
    assert state.tombstones == ()
    assert all(i.gone for i in state.intents)
    for target in desired.targets:
        service = world.web.services[target.service]
        assert service.env[target.names.url].reveal() == f"https://203.0.113.7:{made.port}"
        assert service.env[target.names.key].sha256() in made.keys
        assert world.web.shown(target.service, target) == service.env[target.names.fingerprint].reveal()
        assert service.env[target.names.key].reveal() not in world.store.text, "a key is in the state"
    assert made.order.env["ERT_BOOT_SECRET"] not in world.store.text, "a boot secret is in the state"
    assert made.order.env["ERT_SPEC"] == desired.launch.spec()


def is_down(world: FakeWorld, desired: Desired = WANTED) -> None:
    """Assert that no instance exists, in the market or in the state, and that no app refers to one."""
    assert world.gpu.paid() == ()
    assert world.gpu.late == []
    assert world.store.state.empty()
    for target in desired.targets:
        left = world.web.services[target.service].env
        assert not {target.names.url, target.names.key, target.names.certificate} & set(left)
