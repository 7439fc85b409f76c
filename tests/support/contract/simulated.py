"""Ports of the simulator's world: every call is performed as the effect that the engine would yield, without faults."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Concatenate, ParamSpec, TypeVar

from ert_deploy.engine.run import methods
from tests.simulation.interpreter import HANDS
from tests.simulation.world import World

P = ParamSpec("P")
T = TypeVar("T")


def carry_out(world: World, method: Callable[Concatenate[Any, P], T], /, *args: P.args, **named: P.kwargs) -> T:
    """Perform the call of a port method, 0.1 s later."""
    world.advance(world.now + 0.1)
    result: T = HANDS[method](world, *args, **named)
    return result


def port(world: World, protocol: type[Any], **attributes: Any) -> Any:
    """Return an implementation of the methods of a port that the engine uses, with other attributes of the port."""
    used = (method for method in methods(protocol) if method in HANDS)
    return SimpleNamespace(**{method.__name__: partial(carry_out, world, method) for method in used}, **attributes)
