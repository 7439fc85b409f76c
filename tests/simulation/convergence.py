"""Convergence check: without further faults, one command, with decisions by a user, must reach the desired state."""

from __future__ import annotations

from typing import Any

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import ErtError, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import StateStore
from tests.simulation.commands import NEVER, Undecided, Unsure, be_patient, deciding, together, turns
from tests.simulation.invariants import IS, held_keys, is_nothing, is_reaped, is_rotated, must
from tests.simulation.operators import Operator
from tests.simulation.stories import CHEAP, DOWN, LAST, LOW, NOW, WANTED, Agent, Command, Outcome, Rotation, Story
from tests.simulation.web import NAMES_OF
from tests.simulation.world import Actor, Violation, World

SLOTS = 2  # of each replica
MOST_QUESTIONS = 2  # the clone of a machine whose create is unknown is adopted, and then that machine is asked about


def reckon(world: World, tale: Story, outcome: Outcome, graveyard: list[Any]) -> None:
    """Run the last command without faults. Raises `Violation` if the desired state is not reached."""
    for number in world.lost_to_all():
        outcome.excused += 1
        del world.paid[number]
    world.advance(max(world.now + tale.rest, world.overdue))
    if world.lasting or world.ghosts():
        _despite(world, tale, outcome, graveyard)
    last, held = LAST[tale.last][1], held_keys(world)
    end = _end(world, tale, last, outcome, graveyard)
    if isinstance(end, Unsure):
        world.advance(end.until + 1.0)  # the resolution of a date is one second
        last = NOW if tale.dates else DOWN  # without a date in the responses, one run has to wait for that time
        end = _end(world, tale, last, outcome, graveyard)
    rotated = isinstance(last, Rotation) and end is None
    if isinstance(last, Rotation) and isinstance(end, UsageError):
        last = WANTED  # must fix why the key could not be rotated
        end = _end(world, tale, last, outcome, graveyard)
    desired = last.desired if isinstance(last, Rotation | Agent) else last
    kept = False
    if desired is not None and end is not None:
        kept = "keeps serving" in str(end)
        desired, end = _otherwise(world, tale, desired, end, outcome, graveyard)
    nothing = isinstance(end, UsageError) and desired is not None and not desired.begin
    if end is not None and not nothing:
        raise Violation(f"the last command ended with {type(end).__name__}: {end}")
    world.advance(max(world.now + 300.0, world.overdue, world.coming))
    if desired is None or nothing:
        (is_reaped if desired is None else is_nothing)(world)
    else:
        IS[desired.phase](world, tale.replicas[-1])
    if rotated:
        is_rotated(world, held)
    if tale.again and not kept:  # a new instance for which no offer was available may be rented later
        before = world.changes
        together(world, tale, (desired,), outcome, graveyard)
        must(world.changes == before, "doing it again changes something")


def _end(world: World, tale: Story, last: Command, outcome: Outcome, graveyard: list[Any]) -> ErtError | None:
    """Return the error of the last command; if it needs manual decisions, make them and run it again."""
    changes = world.changes
    (end,) = together(world, tale, (last,), outcome, graveyard)
    for _ in range(MOST_QUESTIONS * tale.replicas[-1]):
        to_decide = _to_decide(world, last)
        if not to_decide and isinstance(end, Undecided):
            raise Violation(f"{end}, and there is nothing to decide")
        if not to_decide or isinstance(end, UsageError):
            break
        must(isinstance(end, NeedsAttention), f"{to_decide} are to be decided about, and nobody is asked")
        must(not isinstance(end, Undecided) or list(end.ids) == to_decide, f"{end}, and not {to_decide}")
        for number in to_decide:
            _decided(world, tale, number)
        changes = world.changes
        (end,) = together(world, tale, (last,), outcome, graveyard)
    if isinstance(last, Rotation) and isinstance(end, UsageError):
        must(world.changes == changes, "a rotation that is refused has changed something")
    return end


def _to_decide(world: World, last: Command) -> list[InstanceId]:
    """Return the ids of rented instances of uncertain ownership; for `reap`, those with a ready backend as well."""
    state, found = world.whole, []
    tokens = {r.id for r in state.records} | {t.id for t in state.tombstones}
    intents = {i.token for i in state.intents}
    for number, made in sorted(world.paid.items(), key=lambda one: (one[1].rented, one[0])):
        sure = number in state.claims.adopted or (made.environed and (number in tokens or made.mark.token in intents))
        sure = sure or (number not in tokens and made.labelled and (made.environed or number in state.claims.ignored))
        serves = made.answer(world.now).vital is Vital.HEALTHY and not made.halted
        known = number in {r.id for r in state.records} or made.mark.token in intents
        dead = any(t.id == number for t in state.tombstones)
        if last is None and made.listed > world.now:
            continue  # `reap` reports the current listing and does not wait
        if not sure or (last is None and serves and not known and not dead):
            found.append(number)
    return found


def _decided(world: World, tale: Story, number: InstanceId) -> None:
    """Adopt or destroy one instance manually, without faults."""
    process: list[Any] = [world.now, 0, deciding(number, world.paid[number].replica, tale), None, Actor(), Operator()]
    be_patient(world)
    try:
        process[3] = next(process[2])
        turns(world, process, NEVER)
    except StopIteration:
        world.advance(world.now + world.took)


def _otherwise(
    world: World, tale: Story, desired: Desired, end: ErtError, outcome: Outcome, graveyard: list[Any]
) -> tuple[Desired, ErtError | None]:
    """Run the follow-up command of a user if a result is partial by design; return config and error."""
    if isinstance(end, NeedsAttention) and _cut_off(world):
        # Both addresses are published to apps and may be in use, and neither is reachable from here.
        outcome.excused += 1
        return DOWN, together(world, tale, (DOWN,), outcome, graveyard)[0]
    if desired in (CHEAP, LOW) and _found_nothing(end):
        outcome.excused += 1  # no backend is up, and one can be rented without the price limit
        return WANTED, _end(world, tale, WANTED, outcome, graveyard)
    return desired, _too_dear(world, desired, end, tale.replicas[-1]) if desired in (CHEAP, LOW) else end


def _too_dear(world: World, desired: Desired, end: ErtError, replicas: int) -> ErtError | None:
    """Accept a result that keeps a current backend because no offer is below the price limit."""
    if not (isinstance(end, NeedsAttention) and "keeps serving" in str(end)):
        return end
    served = [m for m in world.paid.values() if m.answer(world.now) is m.healthy and not m.halted]
    must(len(served) == replicas, f"{len(served)} are kept serving")
    left = [m for m in served if m.price > desired.criteria.max_dph or m.order.launch.spec() != desired.launch.spec()]
    must(bool(left), "what is kept serving fits the config")
    return None


def _found_nothing(end: ErtError) -> bool:
    return isinstance(end, UsageError | Failed) and any(w in str(end) for w in ("no offer matches", "has been tried"))


def _despite(world: World, tale: Story, outcome: Outcome, graveyard: list[Any]) -> None:
    """Check that commands terminate with true results while calls fail permanently; then remove these faults."""
    for command in (LAST[tale.last][1], DOWN):
        together(world, tale, (command,), outcome, graveyard)
    if world.lasting <= {StateStore.load, StateStore.save} and not world.beyond:
        # Without a state the owner of an instance with one `Mark` is unknown: a user must decide.
        ours = [number for number, made in sorted(world.paid.items()) if made.labelled and made.environed]
        must(not ours and not world.pending, f"{ours} are paid after a down without a store")
    world.mend()
    world.advance(max(world.now, world.overdue))


def _cut_off(world: World) -> bool:
    """Whether all slots of a replica are in use by published backends whose identity check fails."""
    urls = [NAMES_OF[number].url for number in range(1, world.replicas + 1)]
    held = {service.env[name].reveal() for service in world.services.values() for name in urls if name in service.env}
    told = {r.id for r in world.whole.records if r.published}
    told |= {i for i, made in world.paid.items() if made.url() in held}
    for number in range(1, world.replicas + 1):
        paid = [made for made in world.paid.values() if made.replica == number]
        unproven = all(made.trouble == "impostor" or not made.environed for made in paid)
        if len(paid) == SLOTS and unproven and all(made.id in told for made in paid):
            return True
    return False
