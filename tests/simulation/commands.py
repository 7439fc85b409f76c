"""Command runner: executes one or more concurrent commands step by step and returns the result of each."""

from __future__ import annotations

import math
from dataclasses import replace
from operator import itemgetter
from typing import Any

from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import ABSENT, Desired
from ert_deploy.core.model.errors import ErtError, Failed, NeedsAttention
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import one_replica
from ert_deploy.engine import decide
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.apply import apply_fleet, rotate_fleet
from ert_deploy.engine.fleet.document import as_replica
from ert_deploy.engine.reap import Found, find, reap
from ert_deploy.engine.rotate import rotate
from ert_deploy.engine.run_context import RunMemory
from tests.simulation.agents import looking
from tests.simulation.following import FOLLOWS, SECRET
from tests.simulation.interpreter import carry_out
from tests.simulation.invariants import claims
from tests.simulation.operators import Operator
from tests.simulation.stories import WANTED, Agent, Command, Outcome, Rotation, Story
from tests.simulation.world import Actor, Killed, Violation, World

MOST_EFFECTS = 6_000  # limit for one command, counted from the last external event; a correct one needs fewer
MOST_EVER = 20 * MOST_EFFECTS  # the same with all external events: a command without end has ever more of them
NEVER = (math.inf, 0)
_BY_TIME = itemgetter(0, 1)
_FITTED: dict[tuple[int, bool, bool, tuple[str, ...], float, int, bool, bool], tuple[Desired, Desired]] = {}
# SIGKILL runs no `finally`: the generator of such a process is stored until the history is over, and its frames are
# released only when their effects are no longer executed.


class Unsure(NeedsAttention):
    """Raised by `down --now`: an instance may still appear, at the latest at `until`."""

    def __init__(self, until: float) -> None:
        super().__init__("a create may be under way")
        self.until = until


class Undecided(NeedsAttention):
    """Result of a command (exit code 5) which reports instances about which the user has to decide."""

    def __init__(self, ids: tuple[InstanceId, ...]) -> None:
        super().__init__(f"instances {ids} are to be decided about")
        self.ids = ids


def _fitted(desired: Desired, tale: Story, replicas: int = 1) -> Desired:
    """Return the config as the story has it: one for each combination, as all configs are constants."""
    which = (
        id(desired), tale.hedged, tale.raced, tale.services, tale.poll, replicas, tale.derived, tale.gpu_only
    )  # fmt: skip
    if which not in _FITTED:
        made = _fit(desired, tale)  # the first one is stored so that its id stays in use
        _FITTED[which] = desired, made if replicas == 1 else _of_several(made, replicas)
    return _FITTED[which][1]


def _of_several(desired: Desired, replicas: int) -> Desired:
    """Return the config with so many replicas, of which each may spend as much as a single one might."""
    total = None if desired.max_cost is None else desired.max_cost * replicas
    return replace(desired, replicas=replicas, max_cost=total)


def _fit(desired: Desired, tale: Story) -> Desired:
    if tale.hedged:
        prefer = Prefer.TIME if tale.raced else Prefer.COST
        desired = replace(desired, launch=replace(desired.launch, hedge=2, prefer=prefer))
    if tale.derived or tale.gpu_only:
        targets = tuple(replace(one, follows=FOLLOWS) for one in desired.targets)
        desired = replace(desired, targets=targets, machine_secret=SECRET if tale.derived else None)
    if len(tale.services) == 1 and tale.poll == desired.timings.poll:
        return desired
    targets = tuple(replace(desired.targets[0], service=name) for name in tale.services)
    return replace(desired, targets=targets, timings=replace(desired.timings, poll=tale.poll))


def exit_of(command: Command, value: Any, now: float) -> ErtError | None:
    """Map the return value of the engine to the error the CLI exits with (code 5), or None."""
    if isinstance(command, Agent):
        return Failed("an agent claims nothing at its end")
    if command is None:
        named = {i.id for i in (*value.serving, *(u.instance for u in value.undecided))}
        return Undecided(tuple(sorted(named))) if named else None
    results = [*value.values()] if isinstance(value, dict) else [value]
    if doubts := {u.instance.id for result in results for u in result.situation.undecided}:
        age = {u.instance.id: u.instance.started for result in results for u in result.situation.undecided}
        return Undecided(tuple(sorted(doubts, key=lambda number: (age[number], number))))
    if unknown := max(result.unknown_for for result in results):
        return Unsure(now + unknown)
    for result in results:
        if result.left is not None:
            return result.left  # type: ignore[no-any-return]
        if result.abandoned:
            return NeedsAttention(f"not told: {result.abandoned}")
    return None


def _effects(command: Command, tale: Story, replicas: int) -> Effects[Any]:
    """Return the generator of a command. The reaper runs without a confirmation here."""
    if isinstance(command, Desired):
        desired = _fitted(command, tale, replicas)
        return apply(desired, RunMemory()) if tale.replicas == (1,) else apply_fleet(desired, {})
    if isinstance(command, Agent):
        return looking(_of_agent(command, tale), asks=command.asks)
    if command is None:
        return _reaping() if tale.replicas == (1,) else _reaping_all(_fitted(WANTED, tale, max(tale.replicas)))
    desired = _fitted(command.desired, tale, replicas)
    return _rotating(desired) if tale.replicas == (1,) else _rotating_all(desired)


def _number(world: World, tale: Story, index: int) -> int:
    """Return the number of replicas that a command wants: the last one, once no more faults are injected."""
    return tale.replicas[-1 if world.over else (world.turns + index) % len(tale.replicas)]


def _of_agent(agent: Agent, tale: Story) -> Desired:
    desired = _fitted(agent.desired, tale)
    return replace(desired, publishes=False) if tale.gpu_only else desired


def _actor(command: Command, tale: Story, replicas: int) -> Actor:
    if isinstance(command, Agent):
        return Actor(_of_agent(command, tale))
    wanted = command.desired if isinstance(command, Rotation) else command
    return Actor(None if wanted is None else _fitted(wanted, tale, replicas))


def _rotating_all(desired: Desired) -> Effects[Any]:
    return (yield from rotate_fleet(desired))[1]


def _rotating(desired: Desired) -> Effects[Any]:
    return (yield from rotate(desired)).result


def _reaping() -> Effects[Any]:
    found = yield from find(WANTED)
    if found.strays:
        yield from reap(found.strays, WANTED.timings.poll)
    return found


def _reaping_all(desired: Desired) -> Effects[Found]:
    """Search among the instances of every replica before any is reaped, as the command does."""
    found = []
    for replica in range(1, desired.replicas + 1):
        found.append((yield from as_replica(find(one_replica(desired, replica)), replica)))
    for replica, one in enumerate(found, 1):
        if one.strays:
            yield from as_replica(reap(one.strays, desired.timings.poll), replica)
    serving, undecided = (sum((getattr(one, name) for one in found), ()) for name in ("serving", "undecided"))
    return Found((), blank=False, serving=serving, undecided=undecided)


def deciding(number: InstanceId, replica: int, tale: Story) -> Effects[None]:
    """Run `ert-deploy adopt ID` (even id) or `destroy ID` (odd id) non-interactively, on the part of its replica."""
    desired = one_replica(_fitted(WANTED, tale, max(tale.replicas)), replica)
    yield from _deciding(number, desired) if tale.replicas == (1,) else as_replica(_deciding(number, desired), replica)


def _deciding(number: InstanceId, desired: Desired) -> Effects[None]:
    situation, instance = yield from decide.find(desired, number)
    if instance is not None and int(number) % 2 == 0:
        yield from decide.adopt(situation, instance)
    else:
        yield from decide.destroy(situation, number)


def together(
    world: World, tale: Story, wanted: tuple[Command, ...], outcome: Outcome, graveyard: list[Any]
) -> list[ErtError | None]:
    """Run commands concurrently, each on its own timeline; return their errors (None: success or SIGKILL)."""
    numbers = [_number(world, tale, index) for index in range(len(wanted))]
    running: list[list[Any]] = [
        [
            world.now, index, _effects(command, tale, numbers[index]), None,
            _actor(command, tale, numbers[index]), _operator(world, tale, command),
        ]
        for index, command in enumerate(wanted)
    ]  # fmt: skip
    # Of commands that run at once the largest number counts: a create whose intent was there first may come last.
    world.more = max(process[4].more for process in running)
    world.command_began = world.calls + 1
    ends: list[ErtError | None] = [None] * len(wanted)
    world.operators = len(wanted)
    be_patient(world, len(wanted) * max(tale.replicas))
    over = world.now  # time at which the last one is done
    for run_ in running:
        run_[3] = next(run_[2])
    while running:
        if len(running) > 1:
            running.sort(key=_BY_TIME)
        process = running[0]
        try:
            turns(world, process, (running[1][0], running[1][1]) if len(running) > 1 else NEVER)
        except StopIteration as done:
            over = max(over, world.now + world.took)
            command = wanted[process[1]]
            ends[process[1]] = exit_of(command, done.value, world.now)
            if ends[process[1]] is None and len(wanted) == 1 and not world.beyond:
                claims(world, command, numbers[process[1]])
            running.remove(process)
        except Killed:
            outcome.kills += 1
            graveyard.append(process)
            running.remove(process)
        except ErtError as error:
            over = max(over, world.now + world.took)
            ends[process[1]] = error.with_traceback(None)  # its frames reference the error: a cycle
            running.remove(process)
    world.advance(max(over, world.now))
    return ends


def be_patient(world: World, commands: int = 1) -> None:
    """Begin to count the effects of so many commands."""
    world.patience, world.disturbed = world.effects + MOST_EFFECTS * commands, world.effects
    world.most = world.effects + MOST_EVER * commands
    world.bound = min(world.patience, world.most)


def _operator(world: World, tale: Story, command: Command) -> Operator:
    """Return the next operator, with a separate clock."""
    world.turns += 1
    down = isinstance(command, Desired) and command.phase is ABSENT
    return Operator(tale.skews[world.turns % len(tale.skews)], down=down)


def turns(world: World, process: list[Any], until: tuple[float, int]) -> None:
    """Execute effects until the turn of the next process; one that takes no time belongs to the step before it."""
    at, index, generator, effect, world.acting, world.operator = process
    due, send, throw = world.due, generator.send, generator.throw
    while (at, index) < until:
        if due and due[0][0] <= at:
            world.advance(at)
        world.now = at
        world.took = 0.0
        while not world.took:
            try:
                value = carry_out(world, effect)
            except ErtError as error:
                effect = throw(error)
            else:
                effect = send(value)
            if world.effects > world.bound:
                raise Violation("it does not come to an end")
        at += world.took
    process[0], process[3] = at, effect
