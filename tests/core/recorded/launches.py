"""Drawn launches, and what the product makes of each: outlooks, races, costs and lags, as one line of figures each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from ert_deploy.core.launching.costs import costs, within
from ert_deploy.core.launching.evidence import outlook
from ert_deploy.core.launching.outlook import Outlook
from ert_deploy.core.launching.progress import Curve, follow
from ert_deploy.core.launching.pulling import afresh, pace
from ert_deploy.core.launching.race import Runner, race, score
from ert_deploy.core.launching.replacing import again
from ert_deploy.core.market.odds import Odds
from ert_deploy.core.market.stages import ORDINARY, Spread, Stages
from ert_deploy.core.model.boot.watch import LaunchStage, Watch
from ert_deploy.core.model.observed import Address, Health, Instance, Power, Vital
from ert_deploy.core.model.provider import SILENT, InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.eta import eta
from tests.support.situations import UP

BEGAN, PATIENCE, LIMIT, GB = 1000.0, 300.0, 2700.0, 10**9
PHASES = ("starting", "pulling", "loading", "")
OFFERS, RACES, LAGS, PRICED = 70, 120, 60, 10  # drawn of each kind


def lines() -> Iterator[str]:
    """Yield all lines: kind, number, figures."""
    yield from (f"outlook {number}: {_outlook(Random(number))}" for number in range(OFFERS))
    yield from (f"race {number}: {_race(Random(1000 + number))}" for number in range(RACES))
    yield from (f"lag {number}: {_lags(Random(2000 + number))}" for number in range(LAGS))
    yield from (f"ready {stage}: {_ready(stage)}" for stage in (None, *LaunchStage))
    yield from (f"costs {number}: {_costs(Random(3000 + number))}" for number in range(PRICED))


def figures(*values: float) -> str:
    """Return the values with so many digits that no rounding of another processor is seen."""
    return " ".join(f"{value:.6g}" for value in values)


def _curve(random: Random) -> Curve:
    spread = ORDINARY
    if random.random() < 0.5:
        spread = Spread(pull=random.uniform(0.2, 1.2), boot=random.uniform(0.2, 0.9), download=random.uniform(0.2, 1.2))
    stages = Stages(
        random.uniform(2, 12), random.uniform(25, 900), random.uniform(10, 120), random.uniform(60, 2500),
        random.uniform(10, 120), random.uniform(2, 30), spread,
    )  # fmt: skip
    layers = tuple(random.randrange(1, 9) * GB for _ in range(random.randrange(7)))
    lenient = frozenset({LaunchStage.BOOT} if random.random() < 0.1 else ())
    return Curve(
        stages, BEGAN, LIMIT, PATIENCE, token="t", lenient=lenient,
        odds=Odds(random.uniform(0.3, 0.99), random.uniform(0.7, 0.99), random.uniform(0.7, 0.99)),
        hourly=random.uniform(0.1, 0.7), boot=random.uniform(0.01, 0.2), download=random.uniform(0.01, 0.3),
        running=random.uniform(0.2, 1.4), model_share=random.uniform(0.5, 1.0), layers=layers,
        unpack=random.uniform(0, 40),
    )  # fmt: skip


def _watch(random: Random) -> Watch:
    stage = LaunchStage(random.randrange(5))
    entered = BEGAN + (0.0 if stage <= LaunchStage.PULL else random.uniform(30, 900))
    since = entered + random.choice((0.0, random.uniform(1, 400)))
    return Watch(
        "", since, seen=since, stage=stage, entered=entered, arrived=random.choice((0, random.randrange(4 * GB))),
        moves=random.randrange(9), pulled=random.choice((0.0, random.uniform(20, 900))),
    )  # fmt: skip


def _health(random: Random, vital: Vital = Vital.LOADING) -> Health | None:
    if random.random() < 0.2:
        return None
    done = random.choice((0, random.randrange(12 * GB)))
    return Health(vital, phase=random.choice(PHASES), completed=done, total=random.choice((0, 12 * GB)))


def _later(random: Random, watch: Watch) -> float:
    return watch.since + random.choice((0.0, random.uniform(0, 60), random.uniform(60, 1500)))


def _of(found: Outlook) -> str:
    by_weight = sum(at * weight for at, weight in enumerate(found.weights))
    return figures(
        found.works, found.mean, found.times[0], found.times[-1], found.money, by_weight, found.running,
        sum(found.fails), found.look,
    )  # fmt: skip


def _outlook(random: Random) -> str:
    curve, watch = _curve(random), _watch(random)
    now = _later(random, watch)
    others = tuple(afresh(_curve(random)) for _ in range(random.randrange(1, 4)))
    next_one = again(others, random.uniform(10, 200))
    found = outlook(curve, watch, _health(random), now)
    return f"{_of(afresh(curve))} | {_of(found)} | {figures(next_one.wait, next_one.running, pace(curve, watch, now))}"


def _race(random: Random) -> str:
    worth, slots = random.uniform(0.5, 8.0), random.choice((1, 2, 2))
    fresh = [_curve(random) for _ in range(random.randrange(1, 5))]
    runners = []
    for number in range(random.choice((1, slots))):
        runners.append(Runner(InstanceId(str(number)), _curve(random), _watch(random), _health(random)))
    now = max(_later(random, one.watch) for one in runners)
    said = race(runners, fresh, now, worth=worth, slots=slots)
    told = "; ".join(f"{number} {watch.lag.name} {watch.why}" for number, watch in said.items())
    return f"{figures(*(score(one, worth) for one in fresh))} | {told or 'as it is'}"


def _instance(random: Random) -> Instance:
    address = Address("203.0.113.7", 40001) if random.random() < 0.4 else None
    message = replace(SILENT, text=random.choice(("", "abc: Pull complete", "def: Downloading")))
    status = random.choice(("", "loading", "running"))
    return Instance(InstanceId("1"), None, Power.STARTING, status=status, message=message, address=address)


def _lags(random: Random) -> str:
    curve, now, previous, told = _curve(random), BEGAN + 5.0, None, []
    for number in range(9):
        now += random.choice((5.0, 20.0, 90.0, random.uniform(100, 700)))
        watch = Watch(str(number - number % random.choice((1, 2, 3))), now, seen=now)
        vital = random.choice((Vital.LOADING, Vital.LOADING, Vital.UNREACHABLE, Vital.HEALTHY))
        health = _health(random, vital) if random.random() < 0.5 else None
        previous = follow(watch, previous, _instance(random), health, curve)
        numbers = figures(previous.entered - BEGAN, previous.moves, previous.arrived, previous.pulled)
        told.append(f"{previous.stage.name} {numbers} {previous.lag.name} {previous.why}".strip())
    return "; ".join(told)


def _ready(stage: LaunchStage | None) -> str:
    """Return the seconds until it is ready: rented on lines that are slower and slower, and started with its disk."""
    told = []
    for line in (0.0, 0.5, 1.0, 25.0, 200.0, 5000.0):
        desired = replace(UP, criteria=replace(UP.criteria, min_inet_down=line))
        for kept in (False, True):
            found = eta(desired, State("ert"), kept=kept, stage=stage)
            told += [found.p50, found.p95]
    return figures(*told)


def _costs(random: Random) -> str:
    """Return quantiles of what it costs: of one or two slots, for a user whose time gets dearer while they wait."""
    offers, dear = [_curve(random) for _ in range(random.choice((1, 2, 5, 14)))], random.uniform(0.5, 8.0)
    found = costs(offers, lambda waited: dear * (1.0 + waited / 3600.0), random.choice((1, 2)))
    return figures(*(within(found, part) for part in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)), sum(found))
