"""Sequences of the simulator: the commands of a history, their initial environment, and the result."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TypeAlias

from ert_deploy.core.model.desired import Criteria, Desired, Launch, Market, Phase, Target, Timings
from tests.simulation.faults import Plan
from tests.simulation.ids import nth
from tests.simulation.operators import SKEWS
from tests.simulation.world import World

BEYOND = 0.05  # share of the runs
HEDGED = 0.25  # share of the runs
SLOW = 0.1  # share of the runs without a hedge
ELSEWHERE = 0.15  # share of the runs of several replicas that end with the key of another account
DERIVED, GPU_ONLY = 0.6, 0.75  # shares of the runs with agents, and of those


@dataclass(frozen=True, slots=True)
class Rotation:
    """`key rotate` with an otherwise unchanged config."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class Agent:
    """`agent` for a while: with or without the request of an app."""

    desired: Desired
    asks: bool


Command: TypeAlias = Desired | Rotation | Agent | None
WANTED = Desired(
    deployment="ert", phase=Phase.RUNNING, launch=Launch(image="llm-backend:1", model="gpt-oss:20b"),
    criteria=Criteria(max_dph=0.40), targets=(Target("dash"),), timings=Timings(poll=60.0, deny=1800.0),
    owner="our-project", ignored=frozenset({nth(902)}),
)  # fmt: skip
CHEAP = replace(WANTED, criteria=Criteria(max_dph=0.2025))  # two offers are below this limit
LOW = replace(WANTED, criteria=Criteria(max_dph=0.15))  # no offer is below this limit
BID = replace(
    WANTED, launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid=0.2), criteria=Criteria(max_dph=0.22)
)
PATIENT = replace(WANTED, wait_for_offer=7200.0)
AUTO = replace(
    WANTED, criteria=BID.criteria,
    launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid_margin=0.2, bid_cap=BID.criteria.max_dph),
)  # fmt: skip
EITHER = replace(AUTO, launch=replace(AUTO.launch, or_on_demand=True))  # an offer or two on demand are below the cap
BOUNDED = replace(WANTED, max_cost=0.15)  # enough for one machine
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))
PATIENT_APP = replace(WANTED, targets=(Target("dash", timeout=600),))  # other values, the same machine
DOWN = replace(WANTED, phase=Phase.ABSENT)
NOW = replace(DOWN, apps_first=False)
SLEEP = replace(WANTED, phase=Phase.ASLEEP)
WAKE = replace(WANTED, begin=False)
REAP = None
ROTATE = Rotation(WAKE)
AGENT, ASKED = Agent(WAKE, False), Agent(WAKE, True)
RENAMED = replace(WANTED, owner="another-project")  # only the owner in the config was changed
ROLLBACK, ANOTHER_KEY = "roll the app back", "another key"
EDITED = "lose the state, labels edited"
UP_ELSEWHERE = f"up, {ANOTHER_KEY}"  # of several replicas alone: see `replicas_of`
# Possible operations of a history: weight, and the commands that run concurrently. An empty tuple deletes the state.
# Each new subcommand of the CLI needs an entry here. What has no weight is in tales of its own (`search`) alone.
OPERATIONS: dict[str, tuple[int, tuple[Command, ...]]] = {
    "up": (30, (WANTED,)),
    "up, changed config": (12, (OTHER,)),
    "up, another value for the app": (6, (PATIENT_APP,)),
    "up, lower cap": (6, (CHEAP,)),
    "up, cap below the market": (4, (LOW,)),
    "wake, cap below the market": (2, (replace(LOW, begin=False),)),
    "sleep, cap below the market": (2, (replace(LOW, phase=Phase.ASLEEP),)),
    "up, interruptible": (6, (BID,)),
    "up, a bid as high as the cap": (2, (replace(BID, criteria=Criteria(max_dph=0.2)),)),
    "up, a bid from the market": (6, (AUTO,)),
    "up, a bid or on demand": (4, (EITHER,)),
    "up, on a budget": (6, (BOUNDED,)),
    "up, waiting for an offer": (4, (PATIENT,)),
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
    EDITED: (2, ()),
    ROLLBACK: (2, ()),
    "down, another key": (2, (DOWN,)),
    "down now, another key": (1, (NOW,)),
    "sleep, another key": (1, (SLEEP,)),
    "wake, another key": (1, (WAKE,)),
    UP_ELSEWHERE: (0, (WANTED,)),
    "up, another owner": (0, (RENAMED,)),
    "sleep, another owner": (0, (replace(RENAMED, phase=Phase.ASLEEP),)),
    "an agent": (0, (AGENT,)),
    "an agent, asked": (0, (ASKED,)),
    "two agents, asked": (0, (ASKED, ASKED)),
    "an agent and up at once": (0, (ASKED, WANTED)),
    "an agent and wake at once": (0, (ASKED, WAKE)),
    "an agent and sleep at once": (0, (AGENT, SLEEP)),
    "an agent and down at once": (0, (ASKED, DOWN)),
    "an agent and rotate at once": (0, (AGENT, ROTATE)),
}
AGENTS = tuple(name for name in OPERATIONS if "agent" in name)
LAST: dict[str, tuple[int, Command]] = {
    "up": (5, WANTED),
    "up, changed config": (1, OTHER),
    "up, lower cap": (1, CHEAP),
    "up, cap below the market": (1, LOW),
    "up, interruptible": (1, BID),
    "up, a bid or on demand": (1, EITHER),
    "down": (3, DOWN),
    "down, now": (1, NOW),
    "sleep": (2, SLEEP),
    "wake": (2, WAKE),
    "reap": (1, REAP),
    "rotate": (1, ROTATE),
    "up, another owner": (0, RENAMED),
    "down now, another owner": (0, replace(NOW, owner=RENAMED.owner)),
}
NOTHING = "with nothing"
BEGINNINGS: dict[str, tuple[int, tuple[Desired, ...]]] = {
    NOTHING: (11, ()),
    "serving": (4, (WANTED,)),
    "asleep": (5, (WANTED, SLEEP)),
}
_BEGINNINGS, _BEGIN_WEIGHTS = list(BEGINNINGS), list(accumulate(weight for weight, _ in BEGINNINGS.values()))
_NAMES, _WEIGHTS = list(OPERATIONS), list(accumulate(weight for weight, _ in OPERATIONS.values()))
_LAST_NAMES, _LAST_WEIGHTS = list(LAST), list(accumulate(weight for weight, _ in LAST.values()))


@dataclass(slots=True)
class Story:
    """The operations in order; `last` is the command after the last fault, `rest` the seconds before it.

    `beyond`: the provider violates its documentation and the settle time. `begins`: the initial state, empty or created
    by commands without faults. `skews`: clock offsets of the operators in seconds, in turn. `dates`: responses of the
    provider contain a date. `hedged`: a second machine may boot when the first is behind; `raced`: whenever it saves
    enough time. `slow`: most machines boot slowly. `replicas` are the numbers in the configs of the commands, in
    turn, and the last one is that of the final command. `derived`: keys of machines are derived from their tokens, and
    apps have the secret; `gpu_only`: agents have no key of the web host. In both cases the apps follow the agents.
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
    hedged: bool = False
    slow: bool = False
    raced: bool = False
    replicas: tuple[int, ...] = (1,)
    derived: bool = False
    gpu_only: bool = False


@dataclass(slots=True)
class Outcome:
    """Result of a history: injected faults, numbers, and the text of the `Violation`, if any."""

    plan: Plan
    effects: int = 0
    kills: int = 0
    most_paid: int = 0
    excused: int = 0
    violation: str = ""
    world: World | None = field(default=None, repr=False)


def story(draw: random.Random) -> Story:
    """Choose a random command sequence."""
    operations = tuple(draw.choices(_NAMES, cum_weights=_WEIGHTS, k=draw.choice((1, 1, 1, 2, 2, 3))))
    return Story(
        operations,
        last=draw.choices(_LAST_NAMES, cum_weights=_LAST_WEIGHTS)[0],
        rest=draw.choice((0.0, 300.0)),
        services=("dash", "admin") if draw.random() < 0.15 else ("dash",),
        poll=draw.choices((60.0, 10.0), (19, 1))[0],
        again=draw.random() < 0.2,
        beyond=draw.random() < BEYOND,
        begins=draw.choices(_BEGINNINGS, cum_weights=_BEGIN_WEIGHTS)[0],
        skews=tuple(draw.choices(SKEWS, k=3)),
        dates=draw.random() < 0.85,
        hedged=(hedged := draw.random() < HEDGED),
        slow=draw.random() < (1.0 if hedged else SLOW),
    )


def race_of(seed: int) -> Story:
    """Return the story of `seed` with two machines that race in each rental; `histories.txt` has none of them."""
    return replace(story(random.Random(seed)), hedged=True, raced=True)


def replicas_of(seed: int) -> Story:
    """Return the story of `seed` with replicas, whose number may be raised and lowered."""
    draw = random.Random(f"replicas {seed}")
    told, most = story(draw), draw.choice((1, 2, 2, 3, 3, 3, 4, 5))
    numbers = tuple(draw.choice((most, most, draw.randint(1, most))) for _ in range(draw.choice((1, 1, 2, 3))))
    elsewhere = (UP_ELSEWHERE,) if draw.random() < ELSEWHERE else ()
    return replace(told, operations=told.operations + elsewhere, replicas=(most, *numbers))


def agents_of(seed: int) -> Story:
    """Return the story of `seed` with agents among its operations; `histories.txt` has none of them."""
    told, draw = story(random.Random(seed)), random.Random(f"agents {seed}")
    return replace(
        told,
        operations=(*told.operations[:1], *draw.choices(AGENTS, k=draw.choice((1, 2)))),
        derived=(derived := draw.random() < DERIVED),
        gpu_only=draw.random() < (GPU_ONLY if derived else 1 - GPU_ONLY),
    )
