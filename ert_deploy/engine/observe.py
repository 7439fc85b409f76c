"""Reading of the actual state: list instances first, then load the state, then probe, then read the apps' environments.

The order matters. An instance that is created between listing and loading is then in the state as an `Intent`; in the
opposite order it would be taken for an unknown one and be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.boot.watch import READY, Watch
from ert_deploy.core.model.desired import ABSENT, RUNNING, Desired, Target
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.moment import Moment
from ert_deploy.core.model.observed import HEALTHY, Health, Instance, Observed, Publication
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.stamps import none_ahead, stamps
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.app_env import touched
from ert_deploy.core.planning.health import look
from ert_deploy.core.planning.marks import Ownership, sort_out
from ert_deploy.core.planning.ownership import known_services, to_probe
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.boot_failures import curve
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.market.paid import meter
from ert_deploy.engine.market.racing import run_race
from ert_deploy.engine.records.accounts import of_this_account
from ert_deploy.engine.records.waiting import others_at
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import (
    AppProbe,
    Audience,
    BackendProbe,
    Clock,
    GpuHost,
    StateStore,
    TimeSource,
    WebHost,
    WebService,
)


def observe(desired: Desired, memory: RunMemory) -> Effects[Situation]:
    """Return the input of `plan`. Raises CannotObserve if a provider could not be read completely."""
    instances = yield from ask(GpuHost.list_instances)
    state = yield from ask(StateStore.load)
    if not memory.account or state.account != memory.account:
        begins, leaving = desired.phase is RUNNING and desired.begin, desired.phase is not RUNNING
        state = yield from of_this_account(state, instances, memory, begins=begins, leaving=leaving)
    moment = yield from ask(TimeSource.moment)
    now = own_time(moment, memory)
    known = _read_services(desired, memory)
    placed = _sorted(desired, instances, state, known, memory)
    health: dict[InstanceId, Health] = {}
    probed = to_probe(placed)
    yield from _probe_all(probed, health, state, now, desired=desired, memory=memory)
    run_race(probed, health, state, now, desired=desired, memory=memory)
    if desired.apps_first or placed.foreign or not (placed.ours or state.tombstones):
        publications = yield from _publications(desired, memory, health)
    else:
        publications = None  # instances are deleted first, even if the web host is unavailable
    services = _read_services(desired, memory)
    if services != known:
        # Only now is it known whether the state is of this config: its services can be the same under another owner.
        placed = _sorted(desired, instances, state, services, memory)
        left = [instance for instance in to_probe(placed) if instance not in probed]
        yield from _probe_all(left, health, state, now, desired=desired, memory=memory)
    memory.looks += 1
    if not state.generation and not state.begun:
        if memory.looks == 1 and _used_before(desired, placed, publications):
            memory.begun = moment.stamp()
        state = changed(state, begun=memory.begun) if memory.begun else state
    if state is not memory.stamped:
        memory.stamped, memory.dated = state, none_ahead(state, moment.provider)
        for stamp in stamps(memory.dated):
            memory.first_seen.setdefault(stamp, now)
    state = memory.dated or state
    observed = Observed(
        now,
        instances,
        state,
        health,
        dict(memory.watches),
        publications,
        abandoned=frozenset(memory.abandoned),
        tries=dict(memory.tries),
        made=memory.made,
        rotating=memory.rotating,
        stopped=frozenset(memory.stopped),
        unreplaceable=memory.kept is not None,
        unhedged=memory.unhedged is not None and now < memory.unhedged_until,
        provider_now=moment.provider,
        first_seen=memory.first_seen,
        due=memory.due,
        services=services,
        others=others_at(now, memory),
        removed=memory.removed,
    )
    return Situation(desired, observed, placed if not placed.undecided else None)  # if no later data could change it


def _read_services(desired: Desired, memory: RunMemory) -> frozenset[str]:
    if memory.known is None:
        memory.known = known_services(desired, [service.id for service in memory.services.values()])
    return memory.known


def _sorted(
    desired: Desired, instances: tuple[Instance, ...], state: State, services: frozenset[str], memory: RunMemory
) -> Ownership:
    """Sort the instances by owner; the last result is kept in `memory`, until any of what it follows from changes."""
    given = desired, instances, state.claims, services, state.intents, state.records, state.tombstones
    if memory.placed is None or memory.given != given:
        memory.given, memory.placed = given, sort_out(desired, instances, state, services)
    return memory.placed


def _probe_all(
    instances: Iterable[Instance], health: dict[InstanceId, Health], state: State, now: float, *,
    desired: Desired, memory: RunMemory,
) -> Effects[None]:  # fmt: skip
    """Add to `health` and to the watches what each of these instances shows, once per observation."""
    for instance in instances:
        found = yield from _probe(instance, state, memory)
        if found is not None:
            health[instance.id] = found
        memory.watches[instance.id] = _follow(instance, found, now, desired, memory)


def _follow(instance: Instance, health: Health | None, now: float, desired: Desired, memory: RunMemory) -> Watch:
    """Return the watch of an instance; of one that this run rented, note progress and price until it is ready."""
    previous, patience = memory.watches.get(instance.id), desired.timings.no_progress
    expected = curve(instance, memory) if memory.curves else None
    if expected is None:
        return look(previous, instance, health, now, patience)
    meter(instance, health, now, memory)
    watch = look(previous, instance, health, now, patience, curve=expected)
    if watch.stage is READY:
        del memory.curves[expected.token]
    return watch


def own_time(moment: Moment, memory: RunMemory) -> float:
    """Return the time of this run: the local time at its start plus the seconds since then."""
    if memory.origin is None:
        memory.origin = moment.wall - moment.steady
    return memory.origin + moment.steady


def _used_before(desired: Desired, placed: Ownership, publications: tuple[Publication, ...] | None) -> bool:
    """Whether a state that was never written may replace an earlier one with a pending create.

    An app is marked before the first rent; for `down` this is not sufficient.
    """
    if desired.phase is ABSENT or placed.ours or placed.undecided or publications is None:
        return True
    names = {target.service: target.names for target in desired.targets}
    return any(touched(names[p.target], p.env) for p in publications)


def _probe(instance: Instance, state: State, memory: RunMemory) -> Effects[Health | None]:
    """Return the health. The identity is checked once per run, as the state may contain any certificate."""
    if instance.address is None or instance.mark is None or instance.halted:
        return None  # the IP of a stopped instance may be in use elsewhere
    if state.tombstones and any(t.id == instance.id for t in state.tombstones):
        return None
    proven = memory.proven.get(instance.id, "")
    found = yield from ask(BackendProbe.probe, instance.address, instance.mark, instance.boot_secret, proven)
    if found.certificate is not None:
        memory.proven[instance.id] = found.certificate
    return found


def _publications(
    desired: Desired, memory: RunMemory, health: dict[InstanceId, Health]
) -> Effects[tuple[Publication, ...] | None]:
    """Read the web host every time, except while the run can only wait for a boot."""
    ready = HEALTHY in [one.vital for one in health.values()]
    if memory.publications is not None and desired.phase is RUNNING and not ready:
        return memory.publications
    read: list[Publication] = []
    memory.read = own_time((yield from ask(TimeSource.moment)), memory)
    for target in desired.targets if desired.publishes else ():
        if target.service in memory.abandoned:
            continue
        try:
            read.append((yield from read_publication(target, memory)))
        except ErtError as error:
            if desired.phase is RUNNING:
                raise
            yield from abandon(memory, target.service, error)
    memory.publications = tuple(read)
    return memory.publications


def read_publication(target: Target, memory: RunMemory) -> Effects[Publication]:
    """Read one target from its web host and its running app."""
    service = memory.services.get(target.service) or (yield from find_service(target, memory))
    env = yield from ask(WebHost.read_env, service.id)
    app_url = target.reached_at(service.url)
    shown = yield from ask(AppProbe.fingerprint, app_url, target)
    owned = {name: env[name] for name in target.names.all() if name in env}
    return Publication(target.service, service.id, service.name, app_url, owned, shown, service.suspended)


def find_service(target: Target, memory: RunMemory) -> Effects[WebService]:
    """Return the service of a target, read once per run."""
    if target.service not in memory.services:
        memory.services[target.service] = yield from ask(WebHost.service, target.service)
        memory.known = None
    return memory.services[target.service]


def abandon(memory: RunMemory, target: str, error: ErtError) -> Effects[None]:
    """Continue without a target, as its failure must not keep instances running."""
    memory.abandoned[target] = error.summary
    yield from ask(Audience.tell, Trouble(f"{target} could not be updated", error.summary))


def observe_with_retry(desired: Desired, memory: RunMemory) -> Effects[Situation]:
    """Call `observe`, and retry if a provider is temporarily unavailable after it was read before."""
    while True:
        try:
            situation = yield from observe(desired, memory)
        except CannotObserve as error:
            memory.blind += 1
            if memory.looks == 0 or memory.blind > MAX_BLIND:
                raise
            yield from ask(Audience.tell, Trouble("looking again", error.summary))
            yield from ask(Clock.sleep, desired.timings.poll * memory.blind)
        else:
            memory.blind = 0
            return situation


def ensure_within_deadline(desired: Desired, written: Moment) -> Effects[None]:
    """Raise Failed if a stored call was not sent in time: from then on other runs may stop waiting for it."""
    late = (yield from ask(TimeSource.moment)).since(written)
    if late > desired.timings.call_within:
        raise Failed(
            f"writing the state took {late:.0f} s, and a call this late could be considered lost too early",
            "this machine was suspended, its clock was set, or the state's store is slow; the call was not made",
            "run the command again",
        )


MAX_BLIND = 6
