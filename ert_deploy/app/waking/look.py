"""Look at a deployment for an agent: its phase, what it needs, and how to reach its backend. Nothing is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce

from ert_deploy.app.replicas.sessions import of_replica
from ert_deploy.app.tending.early import Resting, resting
from ert_deploy.app.tending.seen import GuardSeen, guard_seen
from ert_deploy.app.waking.kept import Sleeper, sleeping, to_be_kept
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.machine.derived_keys import generation_of, token_of
from ert_deploy.core.model.observed import HEALTHY
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.notices.increase import of_increases
from ert_deploy.core.notices.notice import NOTHING_FOUND, Findings
from ert_deploy.core.notices.of_look import of_look
from ert_deploy.core.planning.app_env import connected
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.announcements import announcements
from ert_deploy.core.verdict.eta import Eta, eta
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.starts import HOUR, Policy, wait_for_start, wait_for_starts, wakes
from ert_deploy.core.verdict.waking import CONTENT, Need, Phase, Waking, need, waking
from ert_deploy.engine.preflight import begun
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from ert_deploy.store_ports import PriceIncreases
from ert_deploy.wiring import Session

NEAREST = (Phase.UNKNOWN, Phase.READY, Phase.WAKING, Phase.ASLEEP, Phase.FAILED, Phase.GONE)  # to being ready


@dataclass(frozen=True, slots=True)
class Reached:
    """How an app reaches the backend: both are proven. `fingerprint` is that of its variables, None if not known.

    `key` is the one that the backend accepts, None where the apps' variables are not read. It is for no
    response.
    `token` and `key_generation` are what its key is derived from; None if the key is not a derived one.
    """

    url: str
    certificate: str
    fingerprint: str | None = None
    key: Secret | None = field(default=None, repr=False)
    token: str | None = None
    key_generation: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at `at` (Unix time). `exists`: there is something to wake.

    `generation` is that of the state. `price` is in $ per hour while it runs, `cost` in $ until it is ready. `eta` and
    `wait` are in real seconds: until it is ready, and until another start is within the limit. `begun` is the number of
    starts in the last hour, `running` are the instances with a GPU, also a lost one. `announcements` are for its owner,
    and `findings` are the notices of this look. `ends` is when the first contract does, in Unix time by the provider's
    clock, and `agreed` the $ per hour at which the machine was rented. `guard` is that of the machine that serves,
    `resting` the one that its guard has stopped. Of several replicas, `asleep` are the numbers of those that can be
    woken, `up` is how many are ready, and `needs` the number of the one with `need`. `guards` are those of all that
    serve, and `sleeper` is the machine that may be started to be kept up.
    """

    deployment: str
    at: float
    waking: Waking
    need: Need = CONTENT
    exists: bool = True
    generation: int = 0
    reached: Reached | None = None
    price: float | None = None
    eta: Eta | None = None
    cost: float | None = None
    begun: int = 0
    wait: float = 0.0
    running: frozenset[InstanceId] = frozenset()
    announcements: tuple[str, ...] = ()
    findings: Findings = NOTHING_FOUND
    ends: float | None = None
    agreed: float | None = None
    guard: GuardSeen | None = None
    resting: Resting | None = None
    needs: frozenset[int] = frozenset()
    asleep: tuple[int, ...] = ()
    up: int = 1
    guards: tuple[GuardSeen, ...] = ()
    sleeper: Sleeper | None = None


def look(session: Session, policy: Policy, lately: frozenset[InstanceId] = frozenset()) -> Look:
    """Read everything once; `lately` are the instances that ran at the last look.

    Of several replicas it is the look at the one that is nearest to being ready, with what all of them run and need.
    Raises UsageError, and NeedsAttention for the key of another account. What could not be
    read has an unknown phase.
    """
    numbers = range(1, session.desired.replicas + 1)
    if len(numbers) == 1:
        alone = _look(session, policy, lately)
        return alone if alone.need != CONTENT else _kept(alone, [alone], session)
    each = [_look(of_replica(session, number), policy, lately) for number in numbers]
    shown = min(each, key=lambda one: NEAREST.index(one.waking.phase))
    needing = next((one for one in each if one.need != CONTENT), shown)
    found = replace(
        shown,
        deployment=session.desired.deployment,
        need=needing.need,
        exists=any(one.exists for one in each),
        generation=max(one.generation for one in each),
        running=frozenset[InstanceId]().union(*(one.running for one in each)),
        announcements=tuple(text for one in each for text in one.announcements),
        findings=reduce(Findings.joined, (one.findings for one in each)),
        ends=min((one.ends for one in each if one.ends is not None), default=None),
        needs=frozenset({each.index(needing) + 1}),
        up=sum(one.waking.phase is Phase.READY for one in each),
        asleep=_asleep(each),
        guards=tuple(guard for one in each for guard in one.guards),
    )
    return recounted(found if found.need != CONTENT else _kept(found, each, session), session, policy)


def _kept(seen: Look, each: Sequence[Look], session: Session) -> Look:
    """Return the look with the need to keep up as many as the config wants, or with the reason why none is started."""
    kept = to_be_kept(session, [(one.waking.phase, one.sleeper) for one in each])
    return replace(
        seen,
        need=kept.need,
        needs=frozenset({kept.number}) if len(each) > 1 else seen.needs,
        announcements=(*seen.announcements, *kept.lines),
        findings=seen.findings.joined(kept.findings),
    )


def _asleep(each: Sequence[Look]) -> tuple[int, ...]:
    """Return the numbers of those that sleep, and last those whose part of the budget is used up."""
    found = [number for number, one in enumerate(each, 1) if one.waking.phase is Phase.ASLEEP]
    spent = {number for number in found if (one := each[number - 1].sleeper) and one.why is Asleep.BUDGET}
    return tuple(sorted(found, key=lambda number: (number in spent, number)))


def _look(session: Session, policy: Policy, lately: frozenset[InstanceId]) -> Look:
    """Look at one replica."""
    from ert_deploy.adapters.clock import RealClock

    facts, at = run(read_facts(session.desired, RunMemory()), session.ports), RealClock().now()
    name, found = session.desired.deployment, waking(facts)
    if isinstance(facts.situation, Missing):
        return Look(name, at, found, running=lately)
    situation, now = facts.situation, abs(facts.situation.observed.stamp())
    state, price, left = situation.observed.state, _price(facts), _eta(facts, facts.situation, found)
    return Look(
        name,
        at,
        found,
        need(facts, lately),
        begun(situation),
        state.generation,
        reached_by(situation, facts.main) if found.phase is Phase.READY else None,
        price,
        None if left is None else Eta(math.ceil(left.p50 / session.speed), math.ceil(left.p95 / session.speed)),
        None if left is None or price is None else round(price * left.p50 / HOUR, 4),
        len(wakes(state.history, now)),
        wait_for_start(state.history, now, policy.wakes_per_hour) / session.speed,
        _running(situation, lately),
        announcements(facts),
        of_look(facts, links(facts)).joined(_increases(session, situation)),
        min((i.ends for i in situation.ours if i.ends is not None and math.isfinite(i.ends)), default=None),
        facts.instance.agreed or None if facts.instance is not None else None,
        guard := guard_seen(facts),
        resting(facts),
        guards=(guard,) if guard is not None else (),
        sleeper=sleeping(facts),
    )


def recounted(seen: Look, session: Session, policy: Policy) -> Look:
    """Return a look with the starts that the state has now; everything else is as old as it was.

    A run reads everything itself: to begin one, only the limit has to be up to date. Raises the errors of a store.
    """
    ports = session.ports
    state, now = ports.store.load(), ports.gpu.date() or ports.clock.now()
    histories = [part.history for part in (state, *state.replicas)]
    begun = sum(len(wakes(history, now)) for history in histories)
    wait = wait_for_starts(histories, now, policy.wakes_per_hour) / session.speed
    return replace(seen, generation=state.generation, begun=begun, wait=wait)


def _increases(session: Session, situation: Situation) -> Findings:
    """Return the notices of hosts that offer to prolong a contract at a higher price. An error is for a later look."""
    host = session.ports.gpu
    with suppress(ErtError):
        if isinstance(host, PriceIncreases) and (found := host.price_increases()) is not None:
            return of_increases(found, (i.id for i in situation.ours), abs(situation.observed.stamp()))
    return NOTHING_FOUND


def _running(situation: Situation, lately: frozenset[InstanceId]) -> frozenset[InstanceId]:
    """Return what runs, and what ran when it was last listed and is in the state still."""
    listed = {instance.id for instance in situation.observed.instances}
    lost = {record.id for record in situation.observed.state.records if record.id not in listed}
    return frozenset(i.id for i in situation.ours if not i.halted) | (lately & lost)


def reached_by(situation: Situation, found: Candidate | None) -> Reached | None:
    """Return how to reach a healthy backend that has proved its identity."""
    if found is None or found.health is None or found.instance.address is None:
        return None
    certificate, url = found.health.certificate, found.instance.address.url()
    if certificate is None or found.health.vital is not HEALTHY:
        return None
    key = situation.current_key(found.instance)
    if key is None or not situation.desired.targets:
        return Reached(url, certificate, None, key)
    target = situation.desired.targets[0]
    shown = connected(target, url, key, certificate)[target.names.fingerprint].reveal()
    number = generation_of(situation.desired, found.instance, key)
    return Reached(url, certificate, shown, key, token_of(found.instance) if number is not None else None, number)


def _price(facts: Facts) -> float | None:
    dph = facts.instance.dph if facts.instance is not None else math.nan
    return dph if math.isfinite(dph) else None


def _eta(facts: Facts, situation: Situation, found: Waking) -> Eta | None:
    """Return the provider time that is left, also before a request; None where it is of no use."""
    if found.phase in (Phase.READY, Phase.UNKNOWN):
        return None
    main = facts.main
    record = main.record if main is not None else None
    kept = record is not None and bool(record.certificate) and not record.stranded
    return eta(situation.desired, situation.observed.state, kept=kept, stage=found.stage)
