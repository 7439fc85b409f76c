"""Interpreter of the engine's calls on the in-memory `World`, with fault injection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial, wraps
from types import ModuleType
from typing import Any, TypeAlias

from ert_deploy.core.launching.manifest import GUARD, Access, Manifest
from ert_deploy.core.model.errors import CannotObserve, ErtError, StateConflict
from ert_deploy.engine.effects import Effect, Method
from ert_deploy.engine.run import methods
from ert_deploy.ports import (
    AppProbe,
    Audience,
    BackendProbe,
    Clock,
    Entropy,
    GpuHost,
    Registries,
    StateStore,
    TimeSource,
    WebHost,
)  # fmt: skip
from tests.simulation import events, following
from tests.simulation.faults import AFTER, EVENTS, FOR_GOOD, LASTING, STRIKES, TAKES
from tests.simulation.ports import app_probe, backend, gpu_host, state_store, web_host
from tests.simulation.world import Killed, World

LATENCY = 0.1
THERE = Manifest(Access.FOUND, program=f"python -m {GUARD}")  # what registries say: they never raise, only advise
Hand: TypeAlias = Callable[..., Any]  # takes the `World` and the arguments of the port method


def _nothing(world: World, effect: Effect) -> None:
    """Do what takes no time and has no result."""


def _there(world: World, effect: Effect) -> Manifest:
    return THERE


def _moment(world: World, effect: Effect) -> Any:
    return world.operator.read(world.now)


def _sleep(world: World, effect: Effect) -> None:
    world.took = effect.args[0]


def _draw(world: World, effect: Effect) -> bytes:
    world.took = LATENCY
    world.drawn += 1
    return world.drawn.to_bytes(effect.args[0], "big")


def carry_out(world: World, effect: Effect) -> Any:
    """Execute one effect. Raises the documented errors of the port, `Killed` or `Violation`."""
    call = effect.method
    world.effects += 1
    own = OWN.get(call)
    if own is not None:
        return own(world, effect)
    world.took = LATENCY
    world.calls += 1
    if world.watched:
        _note(world, call)
    if world.lasting and call in world.lasting:
        raise _refusal(world, call)
    if world.calls == world.faults.next:
        return struck(world, call, partial(HANDS[call], world, *effect.args, **effect.named))
    world.kind = ""
    return HANDS[call](world, *effect.args, **effect.named) if effect.named else HANDS[call](world, *effect.args)


def _note(world: World, call: Method) -> None:
    """Remember a call in the lists that are kept of this run."""
    if world.seen is not None:
        world.seen.append(call)
    if world.trace is not None:
        world.trace.append((world.now, call.__qualname__, ""))


def struck(world: World, call: Method, act: Callable[[], Any]) -> Any:
    """Execute a call, which is `act`, with the fault that is due."""
    world.kind, world.strength = world.faults.take(world.calls, call) or ("", 0.0)
    name = world.kind
    if world.trace is not None and name:
        world.trace.append((world.now, call.__qualname__, f"{name} {world.strength}"))
    if name in ("kill-before", "kill-after"):
        if name == "kill-after":
            world.kind = "queued" if world.strength else name
            _quietly(act)
        raise Killed
    if name in EVENTS:
        world.patience += world.effects - world.disturbed
        world.bound = min(world.patience, world.most)
        world.disturbed = world.effects
        events.happen(world, name)
    if name == FOR_GOOD:
        world.lasting |= {call, GpuHost.get_instance} if call is GpuHost.list_instances else {call}
        raise _refusal(world, call)
    strike = STRIKES[call].get(name)
    if strike is not None:
        raise _failure(world, call, strike, act)
    if name == "slow":
        world.took = world.strength
    if name == "nap":
        return _nap(world, act)
    return act()


def _failure(world: World, call: Method, strike: Callable[[str], ErtError], act: Callable[[], Any]) -> ErtError:
    """Return the error of a call that fails, before or after it was executed."""
    name = world.kind
    world.took = TAKES.get(name, LATENCY)
    world.operator.storeless |= call in (StateStore.load, StateStore.save) and strike is not StateConflict
    if call is BackendProbe.busy:
        world.acting.asked = world.calls
    if name in AFTER:
        _quietly(act)
    return strike(name)


def _nap(world: World, act: Callable[[], Any]) -> Any:
    """Suspend the operator's machine between a call and its response.

    For one machine in three the system clock does not advance during that time.
    """
    slept = world.strength
    if int(slept) % 3 == 0:
        world.operator.skew -= slept
    try:
        return act()
    finally:
        world.took += slept


def _refusal(world: World, call: Method) -> ErtError:
    world.operator.storeless |= call in (StateStore.load, StateStore.save)
    return LASTING.get(call, CannotObserve)(FOR_GOOD)


def _quietly(act: Callable[[], Any]) -> None:
    """Execute a call and discard its response."""
    with contextlib.suppress(ErtError):
        act()


def _rarely(call: Method, hand: Hand) -> Hand:
    """Return a handler for a rare call, with more faults."""

    @wraps(hand)
    def struck_more_often(world: World, *args: Any) -> Any:
        if not world.kind and world.faults.also():
            return struck(world, call, partial(hand, world, *args))
        return hand(world, *args)

    return struck_more_often


RARE = (GpuHost.start, GpuHost.stop, BackendProbe.busy, BackendProbe.keys_in_force, BackendProbe.set_keys)
PORTS: dict[type[Any], ModuleType] = {
    GpuHost: gpu_host, WebHost: web_host, BackendProbe: backend, AppProbe: app_probe, StateStore: state_store,
}  # fmt: skip
HANDS: dict[Method, Hand] = {
    method: vars(module)[method.__name__]
    for protocol, module in PORTS.items()
    for method in methods(protocol)
    if method.__name__ in vars(module)
}
# Without I/O or a result that matters, so without faults.
OWN: dict[Method, Hand] = {
    Audience.tell: _nothing, GpuHost.await_turn: _nothing, Registries.image: _there, Registries.model: _there,
    TimeSource.moment: _moment, Clock.sleep: _sleep, Entropy.token_bytes: _draw,
    following.Agents.begin: following.begin, following.Agents.tell: following.tell,
}  # fmt: skip
HANDS |= {method: _rarely(method, HANDS[method]) for method in RARE}
