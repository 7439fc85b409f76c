"""Preview of a run: its steps and changes, what it would rent, and what would make it fail. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ert_deploy.app.external.check import ensure_key
from ert_deploy.app.external.check import findings as of_the_server
from ert_deploy.app.money.grant import shown
from ert_deploy.app.outcome import Doubts, foreign, in_doubt
from ert_deploy.app.replicas.sessions import of_replica, others
from ert_deploy.config.scaffold.prices import Hosting, priced
from ert_deploy.config.settings import S3Object
from ert_deploy.core.launching.interval import Interval
from ert_deploy.core.ledger.months import MONTH
from ert_deploy.core.model.boot.others import ALONE, Others
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Rent, Step
from ert_deploy.core.planning.changes.fitness import unfit
from ert_deploy.core.planning.changes.summary import Summary, summary
from ert_deploy.core.planning.forecast.steps_ahead import before_rent, forecast
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.core.planning.replicas.others import beside as all_but
from ert_deploy.core.planning.replicas.others import each_of
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.app_proof import Finding
from ert_deploy.engine.market.cost_range import cost_range
from ert_deploy.engine.market.registries import registry_findings
from ert_deploy.engine.observe import observe
from ert_deploy.engine.preflight import begun, findings, nothing_to_wake
from ert_deploy.engine.rent import best_offer
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.wiring import Session

SHOWN = 5  # maximum number of variables to name; there may be many
NO_IMAGE = Finding(
    "the config names no image yet, so nothing can be rented",
    "build and push one (`ert-deploy image build`, `image push`), or write its name under launch/image",
)
UNREAD = "the market was not read, so the offer and its cost are not known"


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step of a run if nothing goes wrong; the engine executes the first and plans again after each.

    `findings` are facts to know before `up`; one with `stops` makes `up` fail. `offer` is the one that would be rented
    now out of `matching`, None if none would be, or if the market could not be read; `hours` are the planned ones.
    `between` are the $ that most such runs stay within, planned hours and all machines included. `summary`
    is what the steps do to machines and variables, and `situation` what the plan was made from. `sandbox`: offers and
    prices are made up. `hosting`: the parts that the Blueprint of the config creates, with their prices. `replicas` are
    the plans of the replicas from the second on, `kept` are the $ a month of the `awake` machines that are kept so.
    """

    deployment: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    undecided: Doubts = ()
    others: tuple[InstanceId, ...] = ()
    offer: Ranked | None = None
    matching: int = 0
    hours: float = 0.0
    summary: Summary = field(default_factory=Summary)
    phase: Phase = Phase.RUNNING
    between: Interval | None = None
    situation: Situation | None = field(default=None, repr=False, compare=False)

    sandbox: bool = False
    hosting: Hosting | None = None
    replicas: tuple[Plan, ...] = ()
    awake: int = 0
    kept: float | None = None

    @property
    def every(self) -> tuple[Plan, ...]:
        """The plans of all replicas."""
        return (self, *self.replicas)

    @property
    def doubts(self) -> Doubts:
        """The instances that the user has to assign, of all replicas."""
        return tuple(dict.fromkeys(one for plan in self.every for one in plan.undecided))

    @property
    def server(self) -> str:
        """URL of the server that the apps use in place of a rented machine; empty without one, and on the way down."""
        desired = self.situation.desired if self.situation is not None else None
        used = desired is not None and desired.phase is Phase.RUNNING
        return desired.external.url if used and desired is not None and desired.external is not None else ""


def aimed(desired: Desired, phase: Phase, *, begin: bool = True, patient: bool = True, wait: float = 0.0) -> Desired:
    """Return what a command wants. Without `begin` a deployment has to exist already.

    Without `patient` the run does not wait for active reports, and destroys instances before it updates the apps.
    """
    wanted = replace(desired, phase=phase, begin=begin, wait_for_offer=wait)
    if patient:
        return wanted
    return replace(wanted, apps_first=False, timings=replace(wanted.timings, finish=0.0))


def previews(session: Session, desired: Desired) -> Plan:
    """Read the actual state once for each replica and return the plan of all. Raises UsageError or CannotObserve.

    Each is planned as if those before it were on the machines that are the best for them now.
    """
    whole = replace(session, desired=desired)
    first = of_replica(whole, 1)
    plan = preview(first, first.desired)
    read = plan.situation.observed.state if plan.situation is not None and first is whole else None
    document = read or session.ports.store.load()
    found, beside = [plan], _beside(plan, ALONE)
    listed = plan.situation.observed.instances if plan.situation is not None else ()
    each = each_of(desired, document, listed)
    for number in others(desired, document, listed):
        one, known = of_replica(whole, number), all_but(number, each)
        beside = replace(beside, denied=known.denied, written=known.written)
        checked = any(isinstance(step, Rent) for before in found for step in before.steps)
        found.append(replace(preview(one, one.desired, beside, credit_checked=checked), hosting=None))
        beside = _beside(found[-1], beside)
    if not desired.awake or desired.phase is not Phase.RUNNING:
        return replace(plan, replicas=tuple(found[1:]))
    kept = MONTH * sum(_hourly(one, desired) for one in found[: desired.awake])
    return replace(plan, replicas=tuple(found[1:]), awake=desired.awake, kept=kept)


def _hourly(plan: Plan, desired: Desired) -> float:
    """Return the $ per hour of the machine of a plan: the new one, else its own, else the most that one may cost."""
    if plan.offer is not None:
        return desired.launch.hourly(plan.offer.offer)
    current = plan.situation.classified.current if plan.situation is not None else None
    return current.instance.dph if current is not None and current.instance.dph > 0 else desired.criteria.max_dph


def _beside(plan: Plan, before: Others) -> Others:
    """Return what a further replica has to be apart from: the machines of this one, and the one it would rent."""
    ours = plan.situation.ours if plan.situation is not None else ()
    offer = plan.offer.offer if plan.offer is not None else None
    places = [(i.machine_id, i.host_id, i.address.ip if i.address else "") for i in ours]
    places += [(offer.machine_id, offer.host_id, offer.ip)] if offer is not None else []
    machines, hosts, ips = (
        (frozenset(filter(None, each)) for each in zip(*places, strict=True)) if places else ((),) * 3
    )
    return Others(machines=before.machines.union(machines), hosts=before.hosts.union(hosts), ips=before.ips.union(ips))


def preview(session: Session, desired: Desired, beside: Others = ALONE, *, credit_checked: bool = False) -> Plan:
    """Read the actual state once and return the plan of one replica `beside` others.

    With `credit_checked` the plan of one of these has it. Raises UsageError or CannotObserve.
    """
    memory = RunMemory(others=beside, credit_checked=credit_checked)
    if desired.phase is Phase.RUNNING and desired.external is not None:
        ensure_key(desired.external)
    situation = run(observe(desired, memory), session.ports)
    found: tuple[Finding, ...] = ()
    if desired.phase is Phase.RUNNING and desired.external is not None:
        found = (*of_the_server(session), *run(findings(desired, memory), session.ports))
    elif desired.phase is Phase.RUNNING:
        unnamed = (NO_IMAGE,) if not desired.launch.image else ()
        found = (*unnamed, *run(findings(desired, memory), session.ports), *_of_the_account(session))
        found = (*found, *(Finding(f"budget: {line}", "", stops=False) for line in shown(session)))
    if not (desired.begin or begun(situation)):
        return _made(session, situation, memory, (nothing_to_wake(desired), *found), exists=False)
    return _made(session, situation, memory, found)


def _made(
    session: Session, situation: Situation, memory: RunMemory, found: tuple[Finding, ...], *, exists: bool = True
) -> Plan:
    offer, matching, between = None, 0, None
    market = RunMemory(registries_read=True, credit_checked=memory.credit_checked)  # read here, for all findings
    renting = before_rent(situation) if exists else None
    if renting is not None:
        if renting.desired.launch.image:
            found = (*found, *run(registry_findings(renting.desired.launch, market), session.ports))
        try:
            offer, _ = run(best_offer(Run(renting, market)), session.ports)
            matching, between = len(market.ranked), cost_range(market.ranked, renting.desired, market)
        except (UsageError, Failed) as error:
            if renting.serving:
                found = (*found, _kept(renting, error))
                situation = Situation(situation.desired, replace(situation.observed, unreplaceable=True))
            else:
                found = (*found, Finding(error.summary, error.hint))
        except ErtError as error:
            found = (*found, Finding(UNREAD, error.summary, stops=False))
    ahead = forecast(situation) if exists else ()
    downtime = frozenset(target for target, service in memory.services.items() if service.has_disk)
    return Plan(
        situation.desired.deployment,
        ahead,
        found,
        in_doubt(situation),
        foreign(situation),
        offer,
        matching,
        situation.desired.plan_hours,
        summary(situation, ahead, downtime),
        situation.desired.phase,
        between,
        situation,
        session.in_sandbox,
        _hosting(session) if situation.desired.phase is Phase.RUNNING else None,
    )


def _hosting(session: Session) -> Hosting | None:
    settings = session.settings
    services = zip(settings.desired.targets, settings.blueprints, strict=False)
    in_s3 = isinstance(settings.state, S3Object)
    return priced([(one.service, how) for one, how in services], settings.agent, s3=in_s3)


def _kept(situation: Situation, error: ErtError) -> Finding:
    """Return what is known of a backend that stays in use because nothing can be rented in its place."""
    kept = situation.serving[0]
    what = f"instance {kept.instance.id} keeps serving, but {unfit(situation.desired, kept)}: {error.summary}"
    return Finding(what, error.hint, stops=False)


def _of_the_account(session: Session) -> Iterator[Finding]:
    """Yield the variables that the provider adds to the container besides those of the create call."""
    try:
        names = session.ports.gpu.account_variables()
        why = "the key may not read them (user_read)"
    except CannotObserve as error:
        names, why = None, error.summary
    if names is None:
        what = "the variables of the GPU account, which are set in every container, were not read"
        yield Finding(what, why, stops=False)
    elif names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield Finding(
            f"the GPU account puts {', '.join(names[:SHOWN])}{more} into every container, also into this one",
            "the machine's host can read them: delete them in the console, or use an account of its own",
            stops=False,
        )
