"""Reading for a diagnosis: the facts of the verdict, the preflight's remarks, the deploys and the market."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ert_deploy.core.diagnosis.evidence import Deploy, Evidence, Problem, Source
from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.desired import Criteria, Desired, Target
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import DeployKind, Observed
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.offers import choose
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.contract import last_failure
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.engine.budget import beyond_budget
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.market.credit import check_credit
from ert_deploy.engine.market.registries import registry_findings
from ert_deploy.engine.market.search import none_matches, on_the_market
from ert_deploy.engine.observe import find_service
from ert_deploy.engine.preflight import findings
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from ert_deploy.ports import Audience, Clock, GpuHost, StateStore, TimeSource, WebHost

T = TypeVar("T")
AGAIN = 15.0  # s before a second look at an app that does not respond, or with an error of its server
SERVER_ERROR = 500
ANY_PRICE = 1000.0  # $/h and $/GB
WHOLE = 64  # offers: fewer are all that there are (Vast.ai's page)


def read_evidence(desired: Desired) -> Effects[Evidence]:
    """Return all that is known. Raises no error of a provider or the store: it is part of the result."""
    problems: list[Problem] = []
    facts = yield from _facts(desired, problems)
    if facts is not None and _may_pass(facts):
        yield from ask(Clock.sleep, AGAIN)
        facts = yield from _facts(desired, problems)
    read = replace(desired, targets=tuple(t for t in desired.targets if facts is None or t.service not in facts.unread))
    if not any(problem.source is Source.WEB for problem in problems):
        yield from _preflight(read, problems)
    if desired.external is None:
        for finding in (yield from registry_findings(desired.launch, RunMemory())):
            problems += [Problem(Source.IMAGE, finding.what, hint=finding.hint)] if finding.stops else []
    moment = yield from ask(TimeSource.moment)
    evidence = Evidence(tuple(problems), facts, clock=moment.wall - (moment.provider or moment.wall))
    if facts is None:
        return evidence
    deploys = yield from _deploys(facts)
    if not isinstance(facts.situation, Situation):
        return replace(evidence, deploys=deploys)
    if facts.main is None and desired.external is None and not facts.situation.undecided:
        yield from _market(desired, facts.situation.observed, problems)
    unoffered = yield from _unoffered(desired, facts)
    failures = _since_the_last_success(facts.situation.observed.state)
    return replace(evidence, problems=tuple(problems), deploys=deploys, failures=failures, unoffered=unoffered)


def _may_pass(facts: Facts) -> bool:
    """Whether an app failed once, which a second look may not find: a process that starts, or a proxy."""
    return any(not status or status >= SERVER_ERROR for status in facts.answers.values())


def _facts(desired: Desired, problems: list[Problem]) -> Effects[Facts | None]:
    """Return the facts, without the apps if only the web host refuses; None if nothing is known."""
    try:
        facts = yield from read_facts(desired, RunMemory())
    except ErtError as error:
        yield from _one_by_one(desired, problems)
        yield from ask(Audience.tell, Trouble("reading each source by itself", error.summary))
        sources = {problem.source for problem in problems}
        if sources == {Source.WEB}:
            return (yield from read_facts(replace(desired, targets=()), RunMemory(), whole=False))
        problems += [] if sources else [_problem(Source.ACCOUNT, error)]
        return None
    return facts


def _one_by_one(desired: Desired, problems: list[Problem]) -> Effects[None]:
    """Ask each source alone, to find all that refuse."""
    memory = RunMemory()
    yield from _tried(Source.STATE, problems, ask(StateStore.load))
    yield from _tried(Source.GPU, problems, ask(GpuHost.account))
    yield from _tried(Source.GPU, problems, ask(GpuHost.list_instances))
    for target in desired.targets:
        yield from _tried(Source.WEB, problems, _variables(target, memory))


def _variables(target: Target, memory: RunMemory) -> Effects[None]:
    service = yield from find_service(target, memory)
    yield from ask(WebHost.read_env, service.id)


def _tried(source: Source, problems: list[Problem], read: Effects[T]) -> Effects[None]:
    """Add the error of a read, the first of each source."""
    try:
        yield from read
    except ErtError as error:
        known = {problem.source for problem in problems}
        problems += [] if source in known else [_problem(source, error)]


def _problem(source: Source, error: ErtError) -> Problem:
    return Problem(source, error.summary, error.detail, error.hint)


def _preflight(desired: Desired, problems: list[Problem]) -> Effects[None]:
    """Add what would stop `up` at each app; one that cannot be read is a problem of its own."""
    for target in desired.targets:
        memory = RunMemory()
        try:
            found = yield from findings(replace(desired, targets=(target,)), memory)
        except ErtError as error:
            problems.append(replace(_problem(Source.WEB, error), subject=target.service))
            continue
        service = memory.services[target.service]
        told = [
            f for f in found if f.stops and not (service.suspended and service.suspended in f.what)
        ]  # a link has it
        problems += [Problem(Source.APP, f.what, hint=f.hint, subject=service.name) for f in told]


def _deploys(facts: Facts) -> Effects[dict[str, Deploy]]:
    """Return the newest deploy of each app that was read; one that cannot be read is left out."""
    found: dict[str, Deploy] = {}
    memory, now = RunMemory(), (yield from ask(TimeSource.moment)).wall
    for app in facts.publications:
        target = next(t for t in facts.desired.targets if t.service == app.target)
        try:
            newest = yield from ask(WebHost.newest_deploy, app.service_id)
            service = yield from find_service(target, memory)
        except ErtError:
            continue
        if newest is None:
            continue
        failed = newest.kind is DeployKind.FAILED
        reason = (yield from ask(WebHost.failure, service, newest)) if failed else ""
        found[app.name] = Deploy(newest, reason, max(0.0, now - newest.created), bool(service.sleeps))
    return found


def _market(desired: Desired, observed: Observed, problems: list[Problem]) -> Effects[None]:
    """Add why no machine could be rented now: no offer matches, or the credit is too low for the best one."""
    state, now = observed.state, abs((yield from ask(TimeSource.moment)).stamp())
    try:
        market = yield from on_the_market(desired)
        choice = choose(
            market,
            desired,
            state.denied_machines(now),
            frozenset(),
            learned=learn(state.launches),
            denied_hosts=state.denied_hosts(now),
        )
        if not choice.ranked:
            problems.append(_problem(Source.MARKET, none_matches(choice, desired)))
            return
        if (above := beyond_budget(choice.ranked, desired)) is not None:
            problems.append(_problem(Source.MARKET, above))
        yield from check_credit(choice.ranked, desired, observed)
    except ErtError as error:
        problems.append(_problem(Source.MARKET, error))


def _unoffered(desired: Desired, facts: Facts) -> Effects[bool]:
    """Whether a machine that the last run could not wake has left the market; False if that cannot be told.

    A search for its card alone has a bounded number of offers, of which a full page proves no absence.
    """
    instance = facts.instance
    assert isinstance(facts.situation, Situation)
    if instance is None or not facts.sleeps or not instance.machine_id or not last_failure(facts.situation):
        return False
    anything = Criteria(
        ANY_PRICE, 0, (instance.gpu_name,), min_reliability=0.0, min_inet_down=0.0, max_inet_cost=ANY_PRICE,
        min_cuda=0.0, min_ports=0, min_duration=0.0, verified=False,
    )  # fmt: skip
    try:
        found = yield from ask(GpuHost.search, anything, desired.launch)
    except ErtError:
        return False
    return len(found) < WHOLE and all(offer.machine_id != instance.machine_id for offer in found)


def _since_the_last_success(state: State) -> tuple[Failure, ...]:
    """Return what failed machines left after the last one that became healthy, by the order of the launches."""
    well = max((abs(one.at) for one in state.launches if one.healthy), default=0.0)
    return tuple(one for one in state.failures if abs(one.at) > well)
