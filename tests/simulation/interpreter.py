"""Interpreter of the engine's calls on the in-memory `World`, with fault injection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeAlias

from ert_deploy.core.model.errors import CannotObserve, ErtError, StateConflict
from ert_deploy.engine import effects as e
from ert_deploy.engine.app_proof import AskApp
from ert_deploy.engine.market.quote import Quote
from ert_deploy.ports import Account, AppAnswer
from tests.simulation import events
from tests.simulation.faults import AFTER, EVENTS, FOR_GOOD, LASTING, STRIKES, TAKES
from tests.simulation.ports import backend, gpu_host, state_store, web_host
from tests.simulation.world import Killed, World

LATENCY = 0.1
Hand: TypeAlias = Callable[[Any, Any], Any]  # takes `World` and `Effect`


def carry_out(world: World, effect: Any) -> Any:
    """Execute one effect. Raises the documented errors of the port, `Killed` or `Violation`."""
    call = type(effect)
    world.effects += 1
    if call is e.Tell or call is e.AwaitTurn:
        return None
    if call is e.Now:
        return world.operator.read(world.now)
    world.took = LATENCY
    if call is e.Sleep:
        world.took = effect.seconds
        return None
    if call is e.Draw:
        world.drawn += 1
        return world.drawn.to_bytes(effect.count, "big")
    world.calls += 1
    if world.seen is not None:
        world.seen.append(call)
    if world.trace is not None:
        world.trace.append((world.now, call.__name__, ""))
    if world.lasting and call in world.lasting:
        raise _refusal(world, call)
    if world.calls == world.faults.next:
        return struck(world, effect, call, HANDS[call])
    world.kind = ""
    return HANDS[call](world, effect)


def struck(world: World, effect: Any, call: type[Any], hand: Hand) -> Any:
    """Execute `effect` with the fault that is due."""
    world.kind, world.strength = world.faults.take(world.calls, call) or ("", 0.0)
    name = world.kind
    if world.trace is not None and name:
        world.trace.append((world.now, call.__name__, f"{name} {world.strength}"))
    if name in ("kill-before", "kill-after"):
        if name == "kill-after":
            _quietly(world, hand, effect)
        raise Killed
    if name in EVENTS:
        world.patience += world.effects - world.disturbed
        world.disturbed = world.effects
        events.happen(world, name)
    if name == FOR_GOOD:
        world.lasting |= {call, e.GetInstance} if call is e.ListInstances else {call}
        raise _refusal(world, call)
    strike = STRIKES[call].get(name)
    if strike is not None:
        world.took = TAKES.get(name, LATENCY)
        world.operator.storeless |= call in (e.Load, e.Save) and strike is not StateConflict
        if name in AFTER:
            _quietly(world, hand, effect)
        raise strike(name)
    if name == "slow":
        world.took = world.strength
    if name == "nap":
        return _nap(world, hand, effect)
    return hand(world, effect)


def _nap(world: World, hand: Hand, effect: Any) -> Any:
    """Suspend the operator's machine between a call and its response.

    For one machine in three the system clock does not advance during that time.
    """
    slept = world.strength
    if int(slept) % 3 == 0:
        world.operator.skew -= slept
    try:
        return hand(world, effect)
    finally:
        world.took += slept


def _refusal(world: World, call: type[Any]) -> ErtError:
    world.operator.storeless |= call in (e.Load, e.Save)
    return LASTING.get(call, CannotObserve)(FOR_GOOD)


def _quietly(world: World, hand: Hand, effect: Any) -> None:
    """Execute the effect and discard its response."""
    with contextlib.suppress(ErtError):
        hand(world, effect)


def rarely(hand: Hand) -> Hand:
    """Return a handler for a rare call, with more faults."""

    def struck_more_often(world: World, effect: Any) -> Any:
        if not world.kind and world.faults.also():
            return struck(world, effect, type(effect), hand)
        return hand(world, effect)

    return struck_more_often


HANDS: dict[type[Any], Hand] = {
    e.Load: lambda world, _: world.state,
    e.Save: state_store.save,
    e.ReadAccount: lambda world, _: Account(10.0, "dev@example.org", world.account),
    e.ListInstances: gpu_host.list_instances,
    e.GetInstance: gpu_host.get_instance,
    e.Search: gpu_host.search,
    Quote: gpu_host.quote,
    e.Create: gpu_host.create,
    e.DestroyInstance: gpu_host.destroy,
    e.StartInstance: rarely(gpu_host.start),
    e.StopInstance: rarely(gpu_host.stop),
    e.Busy: rarely(backend.busy),
    e.Probe: backend.probe,
    e.Accepts: backend.accepts,
    e.KeysInForce: rarely(backend.keys_in_force),
    e.SetKeys: rarely(backend.set_keys),
    e.FindService: lambda world, x: world.by_name[x.target].seen,
    e.ReadGroups: lambda _, __: {},
    e.ReadEnv: lambda world, x: dict(world.services[x.service_id].env),
    e.PutEnv: web_host.put_env,
    e.DeleteEnv: web_host.delete_env,
    e.NewestDeploy: lambda world, x: (world.services[x.service_id].deploys or (None,))[-1],
    e.StartDeploy: web_host.deploy,
    e.GetDeploy: lambda world, x: next(d for d in world.services[x.service_id].deploys if d.id == x.deploy_id),
    e.WhyFailed: lambda _, __: "unhealthy: exited with 1",
    AskApp: lambda _, __: AppAnswer(200),
    e.AppFingerprint: lambda world, x: world.by_url[x.app_url].shown if world.kind != "silent" else None,
}
