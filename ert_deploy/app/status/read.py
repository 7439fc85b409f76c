"""`status`: reads the providers, the backend and the apps once, and judges each link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.look import with_server
from ert_deploy.app.money.grant import shown
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.outcome import backends, foreign, in_doubt, services
from ert_deploy.app.replicas.sessions import of_replica, others
from ert_deploy.app.status.result import Money, Status, finite
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.owner import parse_owner
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.state import State
from ert_deploy.core.notices.notice import Findings
from ert_deploy.core.notices.of_look import of_look
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Missing, standing
from ert_deploy.core.verdict.slept import cost, slept
from ert_deploy.engine.run import Ports, run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from ert_deploy.wiring import Session

PAUSE = 5.0  # seconds between two looks


def status(config: Config = None, *, progress: Progress = SILENT) -> Status:
    """Return the verdict with all that it is based on: read from the providers, not just the state.

    Raises CannotObserve if one could not be read, UsageError, and NeedsAttention for the key of another account. Never
    starts a sandbox.
    """
    found = judged(config, progress=progress)
    if found.unread is not None:
        raise found.unread
    return found


def judged(config: Config = None, *, progress: Progress = SILENT) -> Status:
    """Return the same even if a provider could not be read: its links are unknown, see `Status.unread`.

    Of several replicas it is the first; `own_status` has all.
    """
    return own_status(config, progress=progress)[0]


def own_status(config: Config = None, *, progress: Progress = SILENT) -> tuple[Status, ...]:
    """Return `judged` for each replica."""
    return next(looks(config, progress=progress))


def every_status(config: Config = None, *, progress: Progress = SILENT) -> tuple[Status, ...]:
    """Return `judged` for each deployment that the account's instances are marked for, that of the config first.

    Of the others neither apps nor limits are known, so that these are not judged. Raises like `judged`.
    """
    return next(looks(config, every=True, progress=progress))


def looks(config: Config = None, *, every: bool = False, progress: Progress = SILENT) -> Iterator[tuple[Status, ...]]:
    """Yield `own_status`, or with `every` `every_status`, anew each time; the config is read once."""
    deployment = opened(config)
    while not deployment.sandbox_runs():
        yield (Status(deployment.name, sandbox_stopped=True),)
    session = deployment.session(progress)
    while True:
        first, *more = _replicas(session)
        own = replace(first, budget=shown(session), kept=_kept(session.desired, (first, *more)))
        announce(deployment, reduce(Findings.joined, (one.findings for one in (own, *more)))).wait(progress)
        yield (own, *more, *(_others(session, more) if every else ()))


def watch(config: Config = None, *, every: bool = False, progress: Progress = SILENT) -> Iterator[tuple[Status, ...]]:
    """Yield `looks` with a pause of PAUSE real seconds between them."""
    from ert_deploy.adapters.clock import RealClock

    for found in looks(config, every=every, progress=progress):
        yield found
        RealClock().sleep(PAUSE)


def _kept(desired: Desired, replicas: Sequence[Status]) -> str:
    """Return how many machines are up of those that an agent is to keep so; empty where there are none."""
    if not desired.awake:
        return ""
    awake = sum(any(not one.asleep for one in found.backends) for found in replicas)
    return f"{awake} of {desired.replicas} up, an agent keeps {desired.awake} so (replicas/min)"


def _replicas(session: Session) -> Iterator[Status]:
    """Yield the status of each replica; one beyond the number of the config is shown without a verdict."""
    facts = with_server(run(read_facts(one_replica(session.desired, 1), RunMemory()), session.ports))
    yield _shown(facts, session.ports, sandbox=session.in_sandbox)
    name = session.desired.deployment
    seen = facts.situation.observed if isinstance(facts.situation, Situation) else Observed(0.0, (), State(name))
    for number in others(session.desired, seen.state, seen.instances):
        one, whole = of_replica(session, number), number <= session.desired.replicas
        yield _status(one.desired, one.ports, whole=whole, sandbox=session.in_sandbox)


def _others(session: Session, replicas: Sequence[Status]) -> Iterator[Status]:
    """Yield the status of every other deployment with an instance in the account."""
    from ert_deploy.adapters.state.ephemeral import StateNowhere
    from ert_deploy.stores import store_of

    try:
        listed = session.ports.gpu.list_instances()
    except CannotObserve:
        return  # the deployment of the config has the error
    known = {session.desired.deployment, *(one.deployment for one in replicas)}
    for name in sorted({i.mark.deployment for i in listed if i.mark is not None} - known):
        desired = replace(session.desired, deployment=name, targets=(), **_owner(name, listed))
        store = store_of(session.settings, name, session.ports.clock)
        ports = replace(session.ports, store=store or StateNowhere(name))
        yield _status(desired, ports, whole=False, sandbox=session.in_sandbox)


def _owner(name: str, listed: tuple[Instance, ...]) -> dict[str, Any]:
    """Return the owner and the services of a deployment by its own instances; no owner if they differ in it."""
    owners = [parse_owner(i.owner) for i in listed if i.mark is not None and i.mark.deployment == name]
    ids = frozenset[str]().union(*(owner.ids for owner in owners))
    shared = frozenset[str]().union(*(owner.services for owner in owners))
    return {"owner": next(iter(ids)) if len(ids) == 1 else "", "services": shared}


def _status(desired: Desired, ports: Ports, *, whole: bool = True, sandbox: bool = False) -> Status:
    return _shown(with_server(run(read_facts(desired, RunMemory(), whole=whole), ports)), ports, sandbox=sandbox)


def _shown(facts: Facts, ports: Ports, *, sandbox: bool) -> Status:
    desired, found = facts.desired, links(facts)
    made = Status(
        desired.deployment,
        ports.clock.now(),
        found,
        standing(found),
        unread=_unread(facts),
        sandbox=sandbox,
        findings=of_look(facts, found),
    )
    if facts.on_a_server and desired.external is not None:
        made = replace(made, external=desired.external.url)
    if isinstance(facts.situation, Missing):
        return replace(
            made, services=services(Observed(made.now, (), State(desired.deployment), {}, {}, facts.publications))
        )
    situation, observed = facts.situation, facts.situation.observed
    rows = backends(situation)
    return replace(
        made,
        now=observed.now,
        money=_money(facts, situation),
        backends=rows,
        services=services(observed),
        undecided=in_doubt(situation),
        others=foreign(situation),
        unsettled_creates=len(observed.state.intents),
        to_be_destroyed=tuple(t.id for t in observed.state.tombstones),
        denied_machines=tuple(sorted(observed.state.denied_machines(abs(observed.stamp())))),
        denied=tuple(d for d in observed.state.denied if d.until > abs(observed.stamp())),
    )


def _unread(facts: Facts) -> CannotObserve | None:
    """Return the error if a provider could not be read, with everything that is missing."""
    reasons = [part.reason for part in (facts.situation, facts.credit) if isinstance(part, Missing)]
    said = list(dict.fromkeys((*reasons, *facts.unread.values())))
    if not said:
        return None
    return CannotObserve(said[0], "\n".join(said[1:]), "what could not be read is unknown above; run the command again")


def _age(now: float, started: float | None) -> float | None:
    known = finite(started)
    return None if known is None else max(0.0, now - known)


def _money(facts: Facts, situation: Situation) -> Money | None:
    """Return the numbers of the main instance; None if there is none."""
    instance = facts.instance
    if instance is None:
        return None
    now = situation.observed.provider_now or situation.observed.now
    figures, asleep = facts.figures.get(instance.id), facts.asleep.get(instance.id)
    known = figures if isinstance(figures, Figures) else Figures()
    sleep = slept(instance, situation.observed.state, now, facts.ran.get(instance.id))
    lasting = sleep.lasting
    disk = finite(instance.disk_dph)
    return Money(
        instance=instance.id,
        age=_age(now, instance.started),
        idle_left=known.idle_left(),
        spent=cost(instance, sleep.total, now),
        spent_is=str(sleep.known),
        per_hour=finite(instance.disk_dph if instance.stopped else instance.dph),
        asleep=str(asleep) if isinstance(asleep, Asleep) else "not known" if instance.halted else "",
        cards=known.cards,
        asleep_for=lasting,
        stored=disk * lasting / 3600.0 if disk is not None and lasting is not None else None,
        reason=next((part.reason for part in (figures, asleep) if isinstance(part, Missing)), ""),
    )
