"""Race in a run: what was seen of its machines, the offer that would be rented next, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.race import Runner, race
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.boot.watch import Lag
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Health, Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.engine.run_context import RunMemory

TIME = Prefer.TIME  # a name, as a lookup in an enum takes longer than a call on Python 3.11
# What an hour without a backend is worth, as a multiple of offer/max_dph, the most that the config would pay for one
# with it. It grows with the age of the run: of many launches the slowest are those that are noticed.
WORTH = 2.0
IMPATIENCE = 20.0  # times that, in timings/boot_limit


def races(desired: Desired) -> bool:
    """Whether a machine that boots has to be better than the best offer and the other one."""
    return desired.launch.prefer is TIME


def most_failures(desired: Desired) -> int:
    """Return how many machines a run may rent that fail: `plan/attempts` in each slot in which a race boots them."""
    return desired.attempts * (desired.launch.hedge if races(desired) else 1)


def curve_of(ranked: Ranked, desired: Desired, began: float, token: str = "") -> Curve:
    """Return what is expected of a rental of this offer."""
    cost, launch, timings = ranked.estimate, desired.launch, desired.timings
    size = launch.image_gb + launch.model_gb
    return Curve(
        cost.stages, began, timings.boot_limit, timings.no_progress, token,
        odds=cost.odds, hourly=cost.hourly, boot=cost.boot, download=cost.download, running=cost.running,
        model_share=launch.model_gb / size if size else 0.0,
    )  # fmt: skip


def run_race(
    instances: Iterable[Instance], health: Mapping[InstanceId, Health], state: State, now: float, *,
    desired: Desired, memory: RunMemory,
) -> None:  # fmt: skip
    """Note in the watches of the machines of this run which one is given up or joined by another one."""
    if not memory.curves or not races(desired) or now < memory.raced + desired.timings.poll:
        return
    memory.raced = now
    ours = [i for i in instances if i.mark is not None and i.mark.token in memory.curves and i.id in memory.watches]
    dead = {tombstone.id for tombstone in state.tombstones}
    runners = [
        Runner(i.id, memory.curves[i.mark.token], memory.watches[i.id], health.get(i.id))
        for i in ours
        if i.mark is not None and i.id not in dead
    ]
    fresh, slots = _next_best(ours, desired, memory), min(desired.launch.hedge, desired.slots)
    waited = now - min((rental.since for rental in memory.spending.values()), default=now)
    worth = WORTH * desired.criteria.max_dph * (1.0 + IMPATIENCE * waited / desired.timings.boot_limit)
    found = race(runners, fresh, now, worth=worth, slots=slots)
    for number, watch in found.items():
        memory.watches[number] = watch
        if watch.lag is Lag.OVERTAKEN:
            memory.overtaken |= {i.machine_id for i in ours if i.id == number}


def _next_best(ours: list[Instance], desired: Desired, memory: RunMemory) -> Curve | None:
    """Return what is expected of the next offer, or of the best one of the last search if none is left of it."""
    taken = {i.machine_id for i in ours} | memory.overtaken
    left = [r for r in memory.ranked if r.offer.id not in memory.tried and r.offer.machine_id not in taken]
    usable = [r for r in left if apart(r.offer, ours, memory)] or list(memory.ranked)
    return curve_of(usable[0], desired, 0.0) if usable else None


def apart(offer: Offer, ours: Iterable[Instance], memory: RunMemory) -> bool:
    """Whether the offer shares neither host nor address with a machine of the deployment, as far as both are known."""
    found = tuple(ours)
    tokens = [i.mark.token for i in found if i.mark is not None]
    rented = [memory.rented[token] for token in tokens if token in memory.rented]
    hosts = {other.host_id for other in rented if other.host_id} | {i.host_id for i in found if i.host_id}
    ips = {other.ip for other in rented if other.ip} | {i.address.ip for i in found if i.address}
    return offer.host_id not in hosts and offer.ip not in ips
