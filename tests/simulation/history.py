"""One history: commands with injected faults, then one command without faults and the final checks.

Both the command sequence (one or two commands at a time) and the faults are determined by the `seed`. The replay of a
sequence with a given plan of faults has no random input.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ert_deploy.core.model.desired import RUNNING, Desired
from ert_deploy.ports import Clock
from tests.simulation.commands import together
from tests.simulation.convergence import reckon
from tests.simulation.faults import Fault, Faults
from tests.simulation.invariants import must
from tests.simulation.stories import (
    ANOTHER_KEY,
    BEGINNINGS,
    EDITED,
    NOTHING,
    OPERATIONS,
    ROLLBACK,
    Command,
    Outcome,
    Story,
    agents_of,
    race_of,
    replicas_of,
    story,
)
from tests.simulation.world import Violation, World

LONGEST_LATE = 2000.0
_BEGUN: dict[tuple[tuple[str, ...], float, str, tuple[int, ...], bool, bool, bool, bool], World] = {}


def play(seed: int, *, trace: bool = False) -> Outcome:
    """Run the history of `seed`."""
    draw = random.Random(seed)
    tale = story(draw)
    return run(tale, Faults(draw), trace=trace)


def play_race(seed: int) -> Outcome:
    """Run the history of `seed` with `launch/prefer: time` and two machines in each rental."""
    return run(race_of(seed), Faults(random.Random(seed + 1)))


def play_replicas(seed: int) -> Outcome:
    """Run the history of `seed` with several replicas."""
    return run(replicas_of(seed), Faults(random.Random(seed + 3)))


def play_agents(seed: int) -> Outcome:
    """Run the history of `seed` with agents."""
    return run(agents_of(seed), Faults(random.Random(seed + 2)))


def replay(tale: Story, plan: Iterable[tuple[int, Fault]], *, watch: bool = False) -> Outcome:
    """Run the same commands with exactly these faults; `watch` stores the port method of every call in `World.seen`."""
    return run(tale, Faults(plan=plan), watch=watch)


def run(tale: Story, faults: Faults, *, trace: bool = False, watch: bool = False) -> Outcome:
    """Run the commands of a `Story` with these faults."""
    world = World(faults, tale.services, beyond=tale.beyond, replicas=max(tale.replicas))
    world.dates, world.slow, world.derives = tale.dates, tale.slow, tale.derived
    outcome = Outcome(faults.plan)
    graveyard: list[Any] = []
    try:
        world = _begin(tale, world)
        world.trace = [] if trace else None
        world.seen = [Clock.sleep] * world.begun if watch else None
        world.watched = trace or watch
        for number, name in enumerate(tale.operations, 1):
            following = tale.operations[number] if number < len(tale.operations) else tale.last
            _operation(world, tale, name, outcome, graveyard, before_down=following in ("down", "down, now"))
        world.calm()
        reckon(world, tale, outcome, graveyard)
    except Violation as error:
        outcome.violation = str(error)
    except Exception as error:  # any other exception of the code under test is a failure as well
        outcome.violation = f"{type(error).__name__}: {error}"
    outcome.effects, outcome.most_paid, outcome.world = world.effects, world.most_paid, world
    return outcome


def _begin(tale: Story, fresh: World) -> World:
    """Return the initial environment: a new one, or a copy of one in which commands ran without faults.

    It depends on the story alone, not on the histories before it in this process. Its commands have a correct clock.
    """
    if tale.begins == NOTHING:
        return fresh
    commands = BEGINNINGS[tale.begins][1]
    key = (
        tale.services, tale.poll, tale.begins, tale.replicas, tale.derived, tale.gpu_only, tale.hedged, tale.raced,
    )  # fmt: skip
    if key not in _BEGUN:
        made = World(Faults(), tale.services, replicas=fresh.replicas)
        made.derives = tale.derived
        for desired in commands:
            together(made, replace(tale, skews=(0.0,)), (desired,), Outcome({}), [])
        _BEGUN[key] = made
    world = _BEGUN[key].twin(fresh)
    world.faults.begin(world.calls)
    return world


def _operation(
    world: World, tale: Story, name: str, outcome: Outcome, graveyard: list[Any], *, before_down: bool
) -> None:
    wanted = OPERATIONS[name][1]
    if name == ROLLBACK:
        for service in world.services.values():
            service.roll_back(world.now)
        return
    if name.endswith(ANOTHER_KEY):
        _with_another_key(world, tale, wanted, outcome, graveyard)
        return
    if wanted:
        together(world, tale, wanted, outcome, graveyard)
        return
    if not before_down:
        # Only `down` waits for an instance that is in neither the state nor the list. In other cases remove the state
        # only after all pending create calls have completed.
        world.advance(world.now + (LONGEST_LATE if world.pending else 300.0))
    world.state = replace(world.state.__class__(world.state.deployment), generation=0)
    if name == EDITED:
        world.touched = world.struck = world.calls
        for made in world.paid.values():
            made.labelled, made.showing, made.edited = False, None, world.calls


def _with_another_key(
    world: World, tale: Story, wanted: tuple[Command, ...], outcome: Outcome, graveyard: list[Any]
) -> None:
    """Run commands with the key of an unrelated account: they must fail and must not change anything.

    Without its id in the state this cannot be detected, and where nothing exists `up` may begin there: then this is not
    checked.
    """
    begins = any(isinstance(one, Desired) and one.phase is RUNNING and one.begin for one in wanted)
    if not world.state.account or (begins and world.state.empty()):
        return
    changes, state, kills = world.changes, world.state, outcome.kills
    world.account = "2"
    (end,) = together(world, tale, wanted, outcome, graveyard)
    world.account = "1"
    if not world.operator.storeless:  # without a state `down` cannot detect it either, and fails
        must(world.changes == changes, "a command with another key has changed something")
    must(world.state == state, "a command with another key has changed what is known")
    must(end is not None or outcome.kills > kills, "a command with another key says that all is well")
