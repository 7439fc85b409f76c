"""External events: changes to the newest machine or the first service by the provider or by a user."""

from __future__ import annotations

from tests.simulation.faults import CONSOLE
from tests.simulation.market import TROUBLES, Machine, dearer
from tests.simulation.ports import gpu_host, web_host
from tests.simulation.world import World

MOST_CLONES = 4  # made by a user in one history


def happen(world: World, name: str) -> None:
    """Apply an external event to the newest machine or to the first service."""
    world.struck = world.calls
    if name == "redeploy":
        web_host.begin_deploy(world, next(iter(world.services.values())), fails=False)
    elif name == "rollback":
        next(iter(world.services.values())).roll_back(world.now)
    elif name == "jump":
        world.operator.skew += world.strength
    elif name == "nap":
        pass  # of the operator's machine alone, while the call is made: see `interpreter`
    elif name == "dearer":
        world.offers = dearer(world.stock)
        world.later(world.strength, _cheaper, None)
    elif name == "bids rise":
        world.outbidding = 0.2
        world.later(world.strength, _bids_fall, None)
    elif name == "limited":
        world.limited = True
    elif world.paid:
        _befall(world, world.paid[max(world.paid, key=int)], name)


def _cheaper(world: World, _: None) -> None:
    """Return to the old prices, unless the last fault is over and other offers are there."""
    if len(world.offers) == len(world.stock):
        world.offers = world.stock


def _bids_fall(world: World, _: None) -> None:
    world.outbidding = 0.0


def _befall(world: World, made: Machine, name: str) -> None:
    if name in CONSOLE:
        _in_the_console(world, made, name)
    elif name == "self-stop":
        made.halt(world.now)
    elif name == "taken":
        made.taken = True
    elif name == "contract-end":  # stopped and cannot be started again (Vast's guide to instances)
        made.halt(world.now)
        made.expired = True
    elif name == "outbid":
        _outbid(world, made)
    elif made.trouble != "unpulled":
        assert name in TROUBLES, f"{name} has no effect of its own"
        made.trouble = name


def _in_the_console(world: World, made: Machine, name: str) -> None:
    """Apply a change made by a user in the provider's console. A clone is one more rented instance."""
    world.touched = world.calls
    match name:
        case "relabel":
            made.labelled = False
        case "env-lost":
            made.environed = False
        case "clone":
            if world.clones < MOST_CLONES and made.listed <= world.now:  # the console shows what the listing has
                world.clones += 1
                world.allowed += 1
                gpu_host.add(world, made.order, made.price).edited = world.calls
        case "console-stop":
            made.halt(world.now)
        case "console-start":
            gpu_host.come_on(world, made)
        case _:
            made.trouble = "removed"
            gpu_host.end(world, made.id)
    made.showing, made.edited = None, world.calls


def _outbid(world: World, made: Machine) -> None:
    if made.order.launch.bid is not None and not made.halted:
        made.halt(world.now)
        made.outbid = True
        world.coming = max(world.coming, world.now + world.strength)
        world.later(world.strength, _bid_wins, made)


def _bid_wins(world: World, made: Machine) -> None:
    if made.outbid:
        world.touched = world.struck = made.edited = world.calls
        gpu_host.come_on(world, made)
