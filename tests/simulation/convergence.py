"""After the calm: nothing goes wrong any more, and one command, with what a person decides, has to be enough."""

from __future__ import annotations

from typing import Any

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import ErtError, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.engine import effects as e
from tests.simulation.commands import MOST_EFFECTS, NEVER, Undecided, Unsure, deciding, together, turns
from tests.simulation.invariants import IS, address, held_keys, is_nothing, is_reaped, is_rotated, must
from tests.simulation.operators import Operator
from tests.simulation.stories import CHEAP, DOWN, LAST, LOW, NOW, WANTED, Command, Outcome, Rotation, Story
from tests.simulation.web import NAMES
from tests.simulation.world import Actor, Violation, World


def reckon(world: World, tale: Story, outcome: Outcome, graveyard: list[Any]) -> None:
    """Nothing goes wrong any more: one command has to be enough."""
    for number in world.lost_to_all():
        outcome.excused += 1
        del world.paid[number]
    world.advance(max(world.now + tale.rest, world.overdue))
    if world.lasting or world.ghosts():
        _despite(world, tale, outcome, graveyard)
    last, held = LAST[tale.last][1], held_keys(world)
    end = _end(world, tale, last, outcome, graveyard)
    if isinstance(end, Unsure):
        world.advance(end.until + 1.0)  # a date is good to the second
        last = NOW if tale.dates else DOWN  # where nobody tells the time, one run has to see it pass
        end = _end(world, tale, last, outcome, graveyard)
    rotated = isinstance(last, Rotation) and end is None
    if isinstance(last, Rotation) and isinstance(end, UsageError):
        last = WANTED  # which has to mend whatever it was refused for
        end = _end(world, tale, last, outcome, graveyard)
    desired = last.desired if isinstance(last, Rotation) else last
    kept = False
    if desired is not None and end is not None:
        kept = "keeps serving" in str(end)
        desired, end = _otherwise(world, tale, desired, end, outcome, graveyard)
    nothing = isinstance(end, UsageError) and desired is not None and not desired.begin
    if end is not None and not nothing:
        raise Violation(f"the last command ended with {type(end).__name__}: {end}")
    world.advance(max(world.now + 300.0, world.overdue, world.coming))
    (is_reaped if desired is None else is_nothing if nothing else IS[desired.phase])(world)
    if rotated:
        is_rotated(world, held)
    if tale.again and not kept:  # what found no place to move to may find one later
        before = world.changes
        together(world, tale, (desired,), outcome, graveyard)
        must(world.changes == before, "doing it again changes something")


def _end(world: World, tale: Story, last: Command, outcome: Outcome, graveyard: list[Any]) -> ErtError | None:
    """How the last command ends; where it asks a person, that one decides, and it is run once more."""
    changes = world.changes
    (end,) = together(world, tale, (last,), outcome, graveyard)
    to_decide = _to_decide(world, last)
    if not to_decide and isinstance(end, Undecided):
        raise Violation(f"{end}, and there is nothing to decide")
    if to_decide and not isinstance(end, UsageError):
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
    """What is paid and not ours beyond doubt, as the world knows each machine; the reaper spares what serves."""
    state, found = world.state, []
    tokens = {r.id for r in state.records} | {t.id for t in state.tombstones}
    intents = {i.token for i in state.intents}
    for number, made in sorted(world.paid.items(), key=lambda one: (one[1].rented, one[0])):
        sure = number in state.claims.adopted or (made.environed and (number in tokens or made.mark.token in intents))
        sure = sure or (number not in tokens and made.labelled and (made.environed or number in state.claims.ignored))
        serves = made.answer(world.now).vital is Vital.HEALTHY and not made.halted
        known = number in {r.id for r in state.records} or made.mark.token in intents
        dead = any(t.id == number for t in state.tombstones)
        if last is None and made.listed > world.now:
            continue  # reap says what is listed, and waits for nothing
        if not sure or (last is None and serves and not known and not dead):
            found.append(number)
    return found


def _decided(world: World, tale: Story, number: InstanceId) -> None:
    """A person decides, on a sunny day."""
    process: list[Any] = [world.now, 0, deciding(number, tale), None, Actor(), Operator()]
    world.patience, world.disturbed = world.effects + MOST_EFFECTS, world.effects
    try:
        process[3] = next(process[2])
        turns(world, process, NEVER)
    except StopIteration:
        world.advance(world.now + world.took)


def _otherwise(
    world: World, tale: Story, desired: Desired, end: ErtError, outcome: Outcome, graveyard: list[Any]
) -> tuple[Desired, ErtError | None]:
    """What a person does about a command that by design did not do it all, and how that ends."""
    if isinstance(end, NeedsAttention) and _cut_off(world):
        # Apps were told about both, both may serve them, and we can reach neither.
        outcome.excused += 1
        return DOWN, together(world, tale, (DOWN,), outcome, graveyard)[0]
    if desired in (CHEAP, LOW) and _found_nothing(end):
        outcome.excused += 1  # nothing serves, and it can be rented without the cap
        return WANTED, _end(world, tale, WANTED, outcome, graveyard)
    return desired, _too_dear(world, desired, end) if desired in (CHEAP, LOW) else end


def _too_dear(world: World, desired: Desired, end: ErtError) -> ErtError | None:
    """Nothing below the cap is left: what serves goes on serving."""
    if not (isinstance(end, NeedsAttention) and "keeps serving" in str(end)):
        return end
    served = [m for m in world.paid.values() if m.answer(world.now) is m.healthy and not m.halted]
    must(len(served) == 1, f"{len(served)} are kept serving")
    too_dear = served[0].price > desired.criteria.max_dph
    must(too_dear or served[0].order.launch.spec() != desired.launch.spec(), "what is kept serving fits the config")
    return None


def _found_nothing(end: ErtError) -> bool:
    return isinstance(end, UsageError | Failed) and any(w in str(end) for w in ("no offer matches", "has been tried"))


def _despite(world: World, tale: Story, outcome: Outcome, graveyard: list[Any]) -> None:
    """What fails for good still does: a command ends, and claims nothing that is not so. Then it is mended."""
    for command in (LAST[tale.last][1], DOWN):
        together(world, tale, (command,), outcome, graveyard)
    if world.lasting <= {e.Load, e.Save} and not world.beyond:
        # Without a state nobody can say whose it is that has lost a mark: a person decides.
        ours = [number for number, made in sorted(world.paid.items()) if made.labelled and made.environed]
        must(not ours and not world.pending, f"{ours} are paid after a down without a store")
    world.mend()
    world.advance(max(world.now, world.overdue))


def _cut_off(world: World) -> bool:
    """Whether all slots are held by backends that apps were told about and that answer as somebody else to us."""
    held = {service.env[NAMES.url].reveal() for service in world.services.values() if NAMES.url in service.env}
    told = {r.id for r in world.state.records if r.published}
    told |= {i for i, made in world.paid.items() if address(made) in held}
    unproven = all(made.trouble == "impostor" or not made.environed for made in world.paid.values())
    return len(world.paid) == 2 and set(world.paid) <= told and unproven
