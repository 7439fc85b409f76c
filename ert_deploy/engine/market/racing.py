"""Race in a run: what was seen of its machines, the offer that would be rented next, and what follows from both."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.pulling import pace
from ert_deploy.core.launching.race import LAYERS_SEEN, Runner, race, score
from ert_deploy.core.market.cost import estimate
from ert_deploy.core.market.learned import Learned, Pulled, learn
from ert_deploy.core.market.rates import pull_rate, unpacking
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.boot.watch import Lag, LaunchStage
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Health, Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.engine.run_context import RunMemory

TIME = Prefer.TIME  # a name, as a lookup in an enum takes longer than a call on Python 3.11
# What an hour without a backend is worth, as a multiple of offer/max_dph, the most that the config would pay for one
# with it. It grows with the age of the run: of many launches the slowest are those that are noticed.
WORTH = 4.0
ORDER = 0.37  # of that in the order of the offers, whose price is paid for all of the planned hours
IMPATIENCE = 20.0  # times that, in timings/boot_limit
BEGUN = 4  # machines that a race may begin for each that may fail: nearly all are given up within two minutes
MUTE = 6  # machines without a layer until they were given up: then a pull is taken for one message
WHOLE = (1,)  # layers of such a pull
GIVEN_UP = (Lag.LATE, Lag.OVERTAKEN)
EVERY = 0.3  # of timings/poll: how often a race is run, as the first polls are a second apart
AHEAD = 4  # offers that are looked at, each the replacement of the one before
STEP = 1.25  # factor by which that worth grows at a time
GRAIN = 4.0  # changes of the order for each factor of e in the worth of the wait or in a rate


def races(desired: Desired) -> bool:
    """Whether a machine that boots has to be better than the best offer and the other one."""
    return desired.launch.prefer is TIME


def most_failures(desired: Desired) -> int:
    """Return how many machines a run may rent that fail: `plan/attempts` in each slot in which a race boots them."""
    return desired.attempts * (desired.launch.hedge if races(desired) else 1)


def exhausted(desired: Desired, memory: RunMemory) -> bool:
    """Whether this run has rented as many machines as it may: those that failed, and all together in a race."""
    most, begun = most_failures(desired), memory.rentals
    return begun - len(memory.overtaken) >= most or begun >= BEGUN * most


def curve_of(ranked: Ranked, desired: Desired, began: float, memory: RunMemory, token: str = "") -> Curve:
    """Return what is expected of a rental of this offer."""
    cost, launch, timings = ranked.estimate, desired.launch, desired.timings
    size = launch.image_gb + launch.model_gb
    return Curve(
        cost.stages, began, timings.boot_limit, timings.no_progress, token,
        odds=cost.odds, hourly=cost.hourly, boot=cost.boot, download=cost.download, running=cost.running,
        model_share=launch.model_gb / size if size else 0.0,
        layers=memory.image.layers if _heard(memory) else WHOLE, unpack=unpacking(launch.image_gb),
    )  # fmt: skip


def worth(desired: Desired, memory: RunMemory, now: float) -> float:
    """Return the $ that an hour of the wait is worth now."""
    return worth_after(now - min((rental.since for rental in memory.spending.values()), default=now), desired)


def worth_after(waited: float, desired: Desired) -> float:
    """Return the $ that an hour of the wait is worth after so many seconds of it, in steps."""
    steps = math.log(1.0 + IMPATIENCE * waited / desired.timings.boot_limit) / math.log(STEP)
    return WORTH * desired.criteria.max_dph * STEP ** round(steps)


def _heard(memory: RunMemory) -> bool:
    """Whether the messages of pulls tell of layers: not if none of several machines that were given up showed any."""
    pulls = [watch for watch in memory.watches.values() if watch.stage <= LaunchStage.PULL or watch.pulled]
    shown = any(watch.pulled or watch.moves > LAYERS_SEEN for watch in pulls)
    return shown or sum(watch.lag in GIVEN_UP for watch in pulls) < MUTE


def run_race(
    instances: Iterable[Instance], health: Mapping[InstanceId, Health], state: State, now: float, *,
    desired: Desired, memory: RunMemory,
) -> None:  # fmt: skip
    """Note in the watches of the machines of this run which one is given up or joined by another one."""
    if not memory.curves or not races(desired) or now < memory.raced + EVERY * desired.timings.poll:
        return
    ours = [i for i in instances if i.mark is not None and i.mark.token in memory.curves and i.id in memory.watches]
    dead = {tombstone.id for tombstone in state.tombstones}
    memory.raced = -math.inf if dead else now  # what takes their place is rented as soon as they are gone
    runners = [
        Runner(i.id, memory.curves[i.mark.token], memory.watches[i.id], health.get(i.id))
        for i in ours
        if i.mark is not None and i.id not in dead
    ]
    for one in runners:
        _note_pace(one, desired, memory, now)
    reorder(desired, state, memory, now)
    slots = min(desired.launch.hedge, desired.slots)
    fresh = _next_best(ours, desired, state, memory)
    found = race(runners, fresh, now, worth=worth(desired, memory, now), slots=slots)
    for number, watch in found.items():
        memory.watches[number] = watch
        if watch.lag in GIVEN_UP:
            memory.raced = -math.inf
            memory.overtaken |= {i.machine_id for i in ours if i.id == number}


def _note_pace(one: Runner, desired: Desired, memory: RunMemory, now: float) -> None:
    """Note the rate of a machine's link, by its pull or by its download."""
    token = one.curve.token
    offer, seconds = memory.rented[token], pace(one.curve, one.watch, now)
    rate = memory.spending[token].rate if token in memory.spending else 0.0
    if not rate and seconds:
        rate = min(offer.inet_down, pull_rate(desired.launch.image_gb, seconds))
    if rate:
        memory.pulls[token] = Pulled(offer.machine_id, offer.host_id, offer.inet_down, rate)


def reorder(desired: Desired, state: State, memory: RunMemory, now: float) -> None:
    """Put the offers into the order of what they are worth to this race now, by all that was seen of their hosts."""
    price = ORDER * worth(desired, memory, now)
    rates = [round(GRAIN * math.log(one.rate)) for one in memory.pulls.values()]
    order = (round(GRAIN * math.log(price)), *rates)
    if (memory.ordered is memory.ranked and order == memory.order) or not races(desired):
        return
    learned = learn(state.launches, memory.pulls.values())
    scores = {one.offer.id: score(_by_now(one, desired, learned, memory), price) for one in memory.ranked}
    memory.ranked = tuple(sorted(memory.ranked, key=lambda one: (scores[one.offer.id], one.offer.id)))
    memory.ordered, memory.order = memory.ranked, order


def _by_now(ranked: Ranked, desired: Desired, learned: Learned, memory: RunMemory) -> Curve:
    """Return what is expected of an offer with what the pulls of this run have shown; its price is as it was ranked."""
    found = estimate(ranked.offer, memory.launch or desired.launch, desired.plan_hours, learned)
    return curve_of(Ranked(ranked.offer, found), desired, 0.0, memory)


def _next_best(ours: list[Instance], desired: Desired, state: State, memory: RunMemory) -> list[Curve]:
    """Return what is expected of the next offers, or of the best ones of the last search if none is left of it."""
    taken = {i.machine_id for i in ours} | memory.overtaken
    left = [r for r in memory.ranked if r.offer.id not in memory.tried and r.offer.machine_id not in taken]
    hosts, ips = _places(ours, memory)
    usable = [r for r in left if r.offer.host_id not in hosts and r.offer.ip not in ips] or list(memory.ranked)
    learned = learn(state.launches, memory.pulls.values())
    return [_by_now(one, desired, learned, memory) for one in usable[:AHEAD]]


def apart(offer: Offer, ours: Iterable[Instance], memory: RunMemory) -> bool:
    """Whether the offer shares neither host nor address with a machine of the deployment, as far as both are known."""
    hosts, ips = _places(tuple(ours), memory)
    return offer.host_id not in hosts and offer.ip not in ips


def _places(ours: Collection[Instance], memory: RunMemory) -> tuple[set[str], set[str]]:
    """Return the hosts and the addresses of machines of the deployment, as far as they are known."""
    tokens = [i.mark.token for i in ours if i.mark is not None]
    rented = [memory.rented[token] for token in tokens if token in memory.rented]
    hosts = {other.host_id for other in rented if other.host_id} | {i.host_id for i in ours if i.host_id}
    return hosts, {other.ip for other in rented if other.ip} | {i.address.ip for i in ours if i.address}
