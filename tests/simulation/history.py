"""One history: some commands in a world where things go wrong, then calm, one more command, and the reckoning.

The story (which commands, alone or two at once) and the faults both follow from the seed; a story replayed with a
given plan of faults needs no luck at all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, TypeAlias

from ert_deploy.core.model.desired import Criteria, Desired, Launch, Market, Phase, Target, Timings
from ert_deploy.core.model.errors import ErtError, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.ownership import undecided
from ert_deploy.engine import decide
from ert_deploy.engine import effects as e
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.reap import find, reap
from ert_deploy.engine.rotate import rotate
from tests.simulation.faults import Fault, Faults, Plan
from tests.simulation.interpreter import carry_out
from tests.simulation.market import HOST, Machine
from tests.simulation.operators import SKEWS, Operator
from tests.simulation.web import NAMES
from tests.simulation.world import Actor, Killed, Violation, World

MOST_EFFECTS = 6_000  # of one command after somebody last stepped in; no honest one needs as many
LONGEST_LATE = 2000.0
BEYOND = 0.05  # of the histories


@dataclass(frozen=True, slots=True)
class Rotation:
    """`key rotate`, where the rest is as it is desired."""

    desired: Desired


Command: TypeAlias = Desired | Rotation | None
WANTED = Desired(
    deployment="ert", phase=Phase.RUNNING, launch=Launch(image="llm-backend:1", model="gpt-oss:20b"),
    criteria=Criteria(max_dph=0.40), targets=(Target("dash"),), timings=Timings(poll=60.0, deny=1800.0),
    owner="our-project", ignored=frozenset({902}),
)  # fmt: skip
CHEAP = replace(WANTED, criteria=Criteria(max_dph=0.2025))  # the two cheapest of the market are below it
LOW = replace(WANTED, criteria=Criteria(max_dph=0.15))  # nothing on the market is
BID = replace(
    WANTED, launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid=0.2), criteria=Criteria(max_dph=0.22)
)
BOUNDED = replace(WANTED, max_cost=0.15)  # enough for one machine
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))
DOWN = replace(WANTED, phase=Phase.ABSENT)
NOW = replace(DOWN, apps_first=False)
SLEEP = replace(WANTED, phase=Phase.ASLEEP)
WAKE = replace(WANTED, begin=False)
REAP = None
ROTATE = Rotation(WAKE)
ROLLBACK, ANOTHER_KEY = "roll the app back", "another key"
# What may be done at one moment of a history: how often, and the commands that run at the same time. An empty one
# loses the state. A new command of the product is one more row.
OPERATIONS: dict[str, tuple[int, tuple[Command, ...]]] = {
    "up": (30, (WANTED,)),
    "up, changed config": (12, (OTHER,)),
    "up, lower cap": (6, (CHEAP,)),
    "up, cap below the market": (4, (LOW,)),
    "wake, cap below the market": (2, (replace(LOW, begin=False),)),
    "sleep, cap below the market": (2, (replace(LOW, phase=Phase.ASLEEP),)),
    "up, interruptible": (6, (BID,)),
    "up, a bid as high as the cap": (2, (replace(BID, criteria=Criteria(max_dph=0.2)),)),
    "up, on a budget": (6, (BOUNDED,)),
    "down": (9, (DOWN,)),
    "down, now": (3, (NOW,)),
    "sleep": (12, (SLEEP,)),
    "wake": (8, (WAKE,)),
    "reap": (2, (REAP,)),
    "rotate": (8, (ROTATE,)),
    "two ups at once": (6, (WANTED, WANTED)),
    "two configs at once": (4, (WANTED, OTHER)),
    "two wakes at once": (3, (WAKE, WAKE)),
    "up and down at once": (3, (WANTED, DOWN)),
    "sleep and wake at once": (3, (SLEEP, WAKE)),
    "up and reap at once": (2, (WANTED, REAP)),
    "rotate and up at once": (3, (ROTATE, WANTED)),
    "two rotates at once": (1, (ROTATE, ROTATE)),
    "lose the state": (4, ()),
    ROLLBACK: (2, ()),
    "down, another key": (2, (DOWN,)),
    "down now, another key": (1, (NOW,)),
    "sleep, another key": (1, (SLEEP,)),
    "wake, another key": (1, (WAKE,)),
}
LAST: dict[str, tuple[int, Command]] = {
    "up": (5, WANTED),
    "up, changed config": (1, OTHER),
    "up, lower cap": (1, CHEAP),
    "up, cap below the market": (1, LOW),
    "up, interruptible": (1, BID),
    "down": (3, DOWN),
    "down, now": (1, NOW),
    "sleep": (2, SLEEP),
    "wake": (2, WAKE),
    "reap": (1, REAP),
    "rotate": (1, ROTATE),
}
NOTHING = "with nothing"
NEVER = (math.inf, 0)
_BY_TIME = itemgetter(0, 1)
BEGINNINGS: dict[str, tuple[int, tuple[Desired, ...]]] = {
    NOTHING: (11, ()),
    "serving": (4, (WANTED,)),
    "asleep": (5, (WANTED, SLEEP)),
}
_BEGUN: dict[tuple[tuple[str, ...], float, str], World] = {}
_BEGINNINGS, _BEGIN_WEIGHTS = list(BEGINNINGS), [weight for weight, _ in BEGINNINGS.values()]
_NAMES, _WEIGHTS = list(OPERATIONS), [weight for weight, _ in OPERATIONS.values()]
_LAST_NAMES, _LAST_WEIGHTS = list(LAST), [weight for weight, _ in LAST.values()]
# A killed process runs no `finally`: its generator is kept until the history is over, and its frames are let go only
# when nothing listens any more.


class Unsure(NeedsAttention):
    """`down --now` says until when something may still show itself."""

    def __init__(self, until: float) -> None:
        super().__init__("a create may be under way")
        self.until = until


@dataclass(slots=True)
class Story:
    """What is done, in order; `last` is the command after the calm, `rest` the seconds before it.

    `beyond`: the provider breaks what its documentation and the settle time promise. `begins`: with nothing, or with
    what some commands made of it on a sunny day. `skews`: by how much the wall clocks of those who give commands are
    off, in turn. `dates`: the provider's replies say when they were written.
    """

    operations: tuple[str, ...]
    last: str
    rest: float = 0.0
    services: tuple[str, ...] = ("dash",)
    poll: float = 60.0
    again: bool = False
    beyond: bool = False
    begins: str = NOTHING
    skews: tuple[float, ...] = (0.0,)
    dates: bool = True


@dataclass(slots=True)
class Outcome:
    """How a history went: what struck, what it cost, and the violation if there was one."""

    plan: Plan
    effects: int = 0
    kills: int = 0
    most_paid: int = 0
    excused: int = 0
    violation: str = ""
    world: World | None = field(default=None, repr=False)


def story(draw: random.Random) -> Story:
    """The story of a seed."""
    operations = tuple(draw.choices(_NAMES, _WEIGHTS, k=draw.choice((1, 1, 1, 2, 2, 3))))
    return Story(
        operations,
        last=draw.choices(_LAST_NAMES, _LAST_WEIGHTS)[0],
        rest=draw.choice((0.0, 300.0)),
        services=("dash", "admin") if draw.random() < 0.15 else ("dash",),
        poll=draw.choices((60.0, 10.0), (19, 1))[0],
        again=draw.random() < 0.2,
        beyond=draw.random() < BEYOND,
        begins=draw.choices(_BEGINNINGS, _BEGIN_WEIGHTS)[0],
        skews=tuple(draw.choices(SKEWS, k=3)),
        dates=draw.random() < 0.85,
    )


def play(seed: int, *, trace: bool = False) -> Outcome:
    """The history of a seed."""
    draw = random.Random(seed)
    tale = story(draw)
    return run(tale, Faults(draw), trace=trace)


def replay(tale: Story, plan: Iterable[tuple[int, Fault]], *, watch: bool = False) -> Outcome:
    """The same story with exactly these faults; `watch` keeps the kind of every call in the world."""
    return run(tale, Faults(plan=plan), watch=watch)


def run(tale: Story, faults: Faults, *, trace: bool = False, watch: bool = False) -> Outcome:
    """A story in a world with these faults."""
    world = World(faults, tale.services, beyond=tale.beyond)
    world.dates = tale.dates
    outcome = Outcome(faults.plan)
    graveyard: list[Any] = []
    try:
        world = _begin(tale, world)
        world.trace = [] if trace else None
        world.seen = [type(None)] * world.begun if watch else None
        for number, name in enumerate(tale.operations, 1):
            following = tale.operations[number] if number < len(tale.operations) else tale.last
            _operation(world, tale, name, outcome, graveyard, before_down=following in ("down", "down, now"))
        world.calm()
        _reckon(world, tale, outcome, graveyard)
    except Violation as error:
        outcome.violation = str(error)
    except Exception as error:  # whatever else the product does is a finding as well
        outcome.violation = f"{type(error).__name__}: {error}"
    outcome.effects, outcome.most_paid, outcome.world = world.effects, world.most_paid, world
    return outcome


def _begin(tale: Story, fresh: World) -> World:
    """A world as the story begins: a fresh one, or one in which some commands were run on a sunny day."""
    if tale.begins == NOTHING:
        return fresh
    key = tale.services, tale.poll, tale.begins
    if key not in _BEGUN:
        made = World(Faults(), tale.services)
        for desired in BEGINNINGS[tale.begins][1]:
            together(made, tale, (desired,), Outcome({}), [])
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
        # What nobody remembers and nobody sees is waited for by `down` alone: else the state is lost while no create
        # is under way.
        world.advance(world.now + (LONGEST_LATE if world.pending else 300.0))
    world.state = replace(world.state.__class__(world.state.deployment), generation=0)


def _with_another_key(
    world: World, tale: Story, wanted: tuple[Command, ...], outcome: Outcome, graveyard: list[Any]
) -> None:
    """Somebody has the key of an account in which nothing of ours is: the command changes nothing, and says so.

    Where nobody ever wrote down whose the state is, nobody can know.
    """
    if not world.state.account:
        return
    changes, state, kills = world.changes, world.state, outcome.kills
    world.account = "2"
    (end,) = together(world, tale, wanted, outcome, graveyard)
    world.account = "1"
    if not world.operator.storeless:  # nor can `down`, where whose it is cannot be read; it does not end well
        _must(world.changes == changes, "a command with another key has changed something")
    _must(world.state == state, "a command with another key has changed what is known")
    _must(end is not None or outcome.kills > kills, "a command with another key says that all is well")


def _fitted(desired: Desired, tale: Story) -> Desired:
    if len(tale.services) == 1 and tale.poll == desired.timings.poll:
        return desired
    targets = tuple(Target(name) for name in tale.services)
    return replace(desired, targets=targets, timings=replace(desired.timings, poll=tale.poll))


class Undecided(NeedsAttention):
    """How a command ends, exit code 5, when it names instances that a person has to decide about."""

    def __init__(self, ids: tuple[int, ...]) -> None:
        super().__init__(f"instances {ids} are to be decided about")
        self.ids = ids


def _exit(command: Command, value: Any, now: float) -> ErtError | None:
    """What the command line makes of what an engine gave back: an exit code 5, or nothing."""
    if command is None:
        named = (*value.serving, *(u.instance for u in value.undecided))
        return Undecided(tuple(sorted(i.id for i in named))) if named else None
    desired = command.desired if isinstance(command, Rotation) else command
    if doubts := undecided(desired, value.observed):
        return Undecided(tuple(u.instance.id for u in doubts))
    if value.unknown_for:
        return Unsure(now + value.unknown_for)
    if value.left is not None:
        return value.left  # type: ignore[no-any-return]
    return NeedsAttention(f"not told: {value.abandoned}") if value.abandoned else None


def _effects(command: Command, tale: Story) -> Effects[Any]:
    """What a command does; the reaper asks nobody for confirmation here."""
    if isinstance(command, Desired):
        return apply(_fitted(command, tale), Memory())
    return _rotating(_fitted(command.desired, tale)) if command is not None else _reaping()


def _wants(command: Command) -> Desired | None:
    return command.desired if isinstance(command, Rotation) else command


def _rotating(desired: Desired) -> Effects[Any]:
    return (yield from rotate(desired)).result


def _reaping() -> Effects[Any]:
    found = yield from find(WANTED)
    if found.strays:
        yield from reap(found.strays, WANTED.timings.poll)
    return found


def _deciding(number: int, tale: Story) -> Effects[None]:
    """`ert-deploy adopt ID` or `destroy ID`, confirmed: one for an even and one for an odd number."""
    desired = _fitted(WANTED, tale)
    observed, instance = yield from decide.find(desired, number)
    if instance is not None and number % 2 == 0:
        yield from decide.adopt(desired, observed, instance)
    else:
        yield from decide.destroy(desired, observed, number)


def together(
    world: World, tale: Story, wanted: tuple[Command, ...], outcome: Outcome, graveyard: list[Any]
) -> list[ErtError | None]:
    """Run commands at the same time, each on its own time line; how each ended (None: well, or killed)."""
    running: list[list[Any]] = [
        [world.now, index, _effects(command, tale), None, Actor(_wants(command)), _operator(world, tale, command)]
        for index, command in enumerate(wanted)
    ]
    ends: list[ErtError | None] = [None] * len(wanted)
    world.operators = len(wanted)
    world.patience, world.disturbed = world.effects + MOST_EFFECTS * len(wanted), world.effects
    over = world.now  # a command is over when its last effect is
    for run_ in running:
        run_[3] = next(run_[2])
    while running:
        running.sort(key=_BY_TIME)
        process, others = running[0], running[1:]
        try:
            _turns(world, process, (others[0][0], others[0][1]) if others else NEVER)
        except StopIteration as done:
            over = max(over, world.now + world.took)
            command = wanted[process[1]]
            ends[process[1]] = _exit(command, done.value, world.now)
            if ends[process[1]] is None and len(wanted) == 1 and not world.beyond:
                _claims(world, command)
            running.remove(process)
        except Killed:
            outcome.kills += 1
            graveyard.append(process)
            running.remove(process)
        except ErtError as error:
            over = max(over, world.now + world.took)
            ends[process[1]] = error.with_traceback(None)  # whose frames hold the error: a cycle
            running.remove(process)
    world.advance(max(over, world.now))
    return ends


def _operator(world: World, tale: Story, command: Command) -> Operator:
    """The next one who gives a command, each with a clock of his own."""
    world.turns += 1
    down = isinstance(command, Desired) and command.phase is Phase.ABSENT
    return Operator(tale.skews[world.turns % len(tale.skews)], down=down)


def _claims(world: World, command: Command) -> None:
    """What a command that ends well says of the world, there and then: nobody else was at work."""
    desired = command.desired if isinstance(command, Rotation) else command
    if desired is None or world.touched >= world.listing:  # since the last look somebody has started or cloned one
        return
    not_ours = {*world.state.claims.ignored, *world.lost_to_all()}
    ours = [number for number in sorted(world.paid) if number not in not_ours]
    running = [number for number in ours if not world.paid[number].halted]
    if desired.phase is Phase.ABSENT:
        _must(not ours and not world.pending, f"down ended well: paid {ours}, {world.pending} to come")
    elif desired.phase is Phase.ASLEEP:
        _must(not running and not world.pending, f"sleep ended well: {running}, {world.pending} to come")
    else:
        _must(len(ours) == 1, f"up ended well: paid {ours}")


def _turns(world: World, process: list[Any], until: tuple[float, int]) -> None:
    """Carry out effects until it is another one's turn; what takes no time is one step with what comes before it."""
    at, index, generator, effect, world.acting, world.operator = process
    due = world.due
    while (at, index) < until:
        if due and due[0][0] <= at:
            world.advance(at)
        world.now = at
        world.took = 0.0
        while not world.took:
            try:
                value = carry_out(world, effect)
            except ErtError as error:
                effect = generator.throw(error)
            else:
                effect = generator.send(value)
            if world.effects > world.patience:
                raise Violation("it does not come to an end")
        at += world.took
    process[0], process[3] = at, effect


def _reckon(world: World, tale: Story, outcome: Outcome, graveyard: list[Any]) -> None:
    """Nothing goes wrong any more: one command has to be enough."""
    for number in world.lost_to_all():
        outcome.excused += 1
        del world.paid[number]
    world.advance(max(world.now + tale.rest, world.overdue))
    if world.lasting or world.ghosts():
        _despite(world, tale, outcome, graveyard)
    last, held = LAST[tale.last][1], _held(world)
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
    (_is_reaped if desired is None else _is_nothing if nothing else IS[desired.phase])(world)
    if rotated:
        _is_rotated(world, held)
    if tale.again and not kept:  # what found no place to move to may find one later
        before = world.changes
        together(world, tale, (desired,), outcome, graveyard)
        _must(world.changes == before, "doing it again changes something")


def _end(world: World, tale: Story, last: Command, outcome: Outcome, graveyard: list[Any]) -> ErtError | None:
    """How the last command ends; where it asks a person, that one decides, and it is run once more."""
    changes = world.changes
    (end,) = together(world, tale, (last,), outcome, graveyard)
    to_decide = _to_decide(world, last)
    if not to_decide and isinstance(end, Undecided):
        raise Violation(f"{end}, and there is nothing to decide")
    if to_decide and not isinstance(end, UsageError):
        _must(isinstance(end, NeedsAttention), f"{to_decide} are to be decided about, and nobody is asked")
        _must(not isinstance(end, Undecided) or list(end.ids) == to_decide, f"{end}, and not {to_decide}")
        for number in to_decide:
            _decided(world, tale, number)
        changes = world.changes
        (end,) = together(world, tale, (last,), outcome, graveyard)
    if isinstance(last, Rotation) and isinstance(end, UsageError):
        _must(world.changes == changes, "a rotation that is refused has changed something")
    return end


def _to_decide(world: World, last: Command) -> list[int]:
    """What is paid and not ours beyond doubt, as the world knows each machine; the reaper spares what serves."""
    state, found = world.state, []
    tokens = {r.id for r in state.records} | {t.id for t in state.tombstones}
    intents = {i.token for i in state.intents}
    for number, made in sorted(world.paid.items()):
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


def _decided(world: World, tale: Story, number: int) -> None:
    """A person decides, on a sunny day."""
    process: list[Any] = [world.now, 0, _deciding(number, tale), None, Actor(), Operator()]
    world.patience, world.disturbed = world.effects + MOST_EFFECTS, world.effects
    try:
        process[3] = next(process[2])
        _turns(world, process, NEVER)
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
    _must(len(served) == 1, f"{len(served)} are kept serving")
    too_dear = served[0].price > desired.criteria.max_dph
    _must(too_dear or served[0].order.launch.spec() != desired.launch.spec(), "what is kept serving fits the config")
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
        _must(not ours and not world.pending, f"{ours} are paid after a down without a store")
    world.mend()
    world.advance(max(world.now, world.overdue))


def _cut_off(world: World) -> bool:
    """Whether all slots are held by backends that apps were told about and that answer as somebody else to us."""
    held = {service.env[NAMES.url].reveal() for service in world.services.values() if NAMES.url in service.env}
    told = {r.id for r in world.state.records if r.published}
    told |= {i for i, made in world.paid.items() if _address(made) in held}
    unproven = all(made.trouble == "impostor" or not made.environed for made in world.paid.values())
    return len(world.paid) == 2 and set(world.paid) <= told and unproven


def _address(made: Machine) -> str:
    return f"https://{HOST}:{made.port}"


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)


def _is_up(world: World) -> None:
    """Exactly one is paid, it is healthy, in the state, and every app runs with it."""
    state, paid = world.state, world.paid
    _neighbours_kept(world)
    _must(sorted(paid) == sorted(r.id for r in state.records), f"paid {sorted(paid)}, in the state {state.records}")
    _must(len(paid) == 1, f"{len(paid)} are paid after up")
    (made,) = paid.values()
    _must(not made.trouble and not made.halted, "what serves is not healthy")
    _must(not state.tombstones and not [i for i in state.intents if not i.gone], "the state is not settled")
    for service in world.services.values():
        env = service.env
        _must(env[NAMES.url].reveal() == _address(made), "the app points elsewhere")
        _must(env[NAMES.key].sha256() in made.keys, "the app holds another key")
        _must(service.shown == env[NAMES.fingerprint].reveal(), "the running app has another configuration")
    _clean(world)


def _held(world: World) -> set[Secret]:
    """The keys that apps hold."""
    return {service.env[NAMES.key] for service in world.services.values() if NAMES.key in service.env}


def _is_rotated(world: World, before: set[Secret]) -> None:
    """Every app has one key, which is another one than before, and it is the only one that is taken."""
    (made,), held = world.paid.values(), _held(world)
    _must([key.sha256() for key in held] == list(made.keys), "another key than the app's is taken after rotate")
    _must(not held & before, "an app has a key after rotate that it had before")


def _is_down(world: World) -> None:
    """Nothing is paid, nothing is remembered that could be, and no app points anywhere."""
    _must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid after down")
    _must(_settled(world), "the state still knows something")
    _neighbours_kept(world)
    for service in world.services.values():
        _must(not {NAMES.url, NAMES.key, NAMES.certificate} & service.env.keys(), "an app still points somewhere")
    _clean(world)


def _settled(world: World) -> bool:
    """Whether the state knows nothing that may bill. An offer that was taken is kept on watch, and holds up nobody."""
    state = world.state
    return not (state.records or state.tombstones or [i for i in state.intents if not i.gone])


def _is_asleep(world: World) -> None:
    """No GPU is paid; one disk at most, which the state knows."""
    state = world.state
    _must(not world.running(), f"the GPUs of {world.running()} are paid after sleep")
    _must(len(world.paid) <= 1 and not world.pending, f"{sorted(world.paid)} are paid after sleep")
    _must(sorted(world.paid) == sorted(r.id for r in state.records), "the state knows another disk")
    _must(not state.tombstones and not [i for i in state.intents if not i.gone], "the state is not settled")
    _neighbours_kept(world)
    _clean(world)


def _is_nothing(world: World) -> None:
    """A wake that found nothing: nothing is paid, and nobody remembers anything that could be."""
    _must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid, and wake says there is nothing")
    _must(_settled(world), "the state still knows something")
    _clean(world)


def _is_reaped(world: World) -> None:
    """What is paid is known to the state; nothing else bears our marks."""
    tokens = {i.token for i in world.state.intents} | {t.token for t in world.state.tombstones}
    known = {r.id for r in world.state.records}
    strays = [m.id for m in world.paid.values() if m.id not in known and m.mark.token not in tokens]
    _must(not strays, f"{strays} are paid after reap, and no state knows them")
    _clean(world)


def _neighbours_kept(world: World) -> None:
    for service in world.services.values():
        _must(service.neighbours_kept(), "a variable of somebody else has changed")


IS = {Phase.RUNNING: _is_up, Phase.ABSENT: _is_down, Phase.ASLEEP: _is_asleep}


def _clean(world: World) -> None:
    text = repr(world.state)
    for made in world.machines.values():
        _must(made.order.env["ERT_BOOT_SECRET"] not in text, "a boot secret is in the state")
    for service in world.services.values():
        key = service.env.get(NAMES.key)
        _must(key is None or key.reveal() not in text, "a key is in the state")
