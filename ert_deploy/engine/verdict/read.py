"""Reading of the facts of a deployment. A source that fails makes its own facts unknown, and no others.

Only invalid input and a key of another account end it: then nothing that it could say would be about this deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ert_deploy.core.model.desired import Desired, Target
from ert_deploy.core.model.errors import CannotObserve, ErtError, NeedsAttention, NoSuchService, Outcome, UsageError
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Address, Instance, Publication
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import KEY_REJECTED, Credit, Facts, main
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.machine import unasked
from ert_deploy.core.verdict.stopped import TAIL, ran, why_stopped
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.observe import find_service, observe, read_publication
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import AppProbe, BackendProbe, GpuHost, WebHost

ASKED, MOST_ASKED = 4, 24  # requests for each instance of an app, and in all: 1 of 2 is missed in 1 of 128 looks
SHOWN = 200  # status of a response that may show a fingerprint
NO_KEY = "no app holds a key that it accepts, so its figures cannot be asked for"


@dataclass(slots=True)
class _Apps:
    """What was read of the apps, see `Facts`."""

    read: list[Publication] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Mapping[str, str | None] | Missing] = field(default_factory=dict)


def read_facts(desired: Desired, memory: RunMemory, *, whole: bool = True) -> Effects[Facts]:
    """Return all facts; `whole` is False for a deployment of which only the marks are known, see `Facts`.

    Raises UsageError, and NeedsAttention for the key of another account.
    """
    situation = yield from _situation(desired, memory)
    apps = yield from _apps(desired, memory)
    if isinstance(situation, Situation):
        observed = replace(
            situation.observed, publications=tuple(apps.read), abandoned=frozenset({*apps.unread, *apps.absent})
        )
        situation = Situation(desired, observed)
    credit = yield from _credit()
    facts = Facts(
        desired, credit, situation, tuple(apps.read), apps.unread, apps.answers, apps.absent, apps.processes,
        whole=whole,
    )  # fmt: skip
    found = None if isinstance(situation, Missing) else main(situation)
    if found is None or isinstance(situation, Missing):
        return facts
    if found.instance.halted:
        return (yield from _with_sleep(facts, situation, found.instance))
    return replace(facts, figures={found.instance.id: (yield from _figures(situation, found))})


def _situation(desired: Desired, memory: RunMemory) -> Effects[Situation | Missing]:
    """Read the providers' list, the state and the backends; the apps are read one by one afterwards."""
    memory.abandoned.update((target.service, "") for target in desired.targets)
    try:
        situation = yield from observe(desired, memory)
    except CannotObserve as error:
        return Missing(error.summary)
    return situation


def _apps(desired: Desired, memory: RunMemory) -> Effects[_Apps]:
    found = _Apps()
    for target in desired.targets if desired.publishes else ():
        try:
            publication = yield from read_publication(target, memory)
        except NoSuchService as error:
            found.absent[target.service] = error.summary
            continue
        except UsageError:
            raise
        except ErtError as error:
            found.unread[target.service] = error.summary
            continue
        found.read.append(publication)
        if publication.live_fingerprint is None:
            service = yield from find_service(target, memory)
            reply = yield from ask(AppProbe.answer, target.reached_at(service.url), target)
            found.answers[target.service] = reply.status
        status = found.answers.get(target.service, SHOWN)
        found.processes[target.service] = yield from _processes(target, publication, reached=status == SHOWN)
    return found


def _processes(target: Target, app: Publication, *, reached: bool) -> Effects[Mapping[str, str | None] | Missing]:
    """Return the fingerprint of each instance. Of a single one it is known; several are asked through their address."""
    try:
        listed = yield from ask(WebHost.instances, app.service_id)
    except ErtError as error:
        return Missing(error.summary)
    if len(listed) == 1:
        return {listed[0]: app.live_fingerprint or "" if reached else None}
    most = min(MOST_ASKED, ASKED * len(listed))
    shown = (yield from ask(AppProbe.fingerprints, app.app_url, target, most)) if listed else {}
    return {number: shown.get(number) for number in listed}


def _credit() -> Effects[Credit | Missing]:
    try:
        account = yield from ask(GpuHost.account)
    except CannotObserve as error:
        return Missing(error.summary)
    return Credit(account.credit, account.top_up)


def _figures(situation: Situation, found: Candidate) -> Effects[Figures | Missing]:
    """Ask a backend that has proved its identity, with a key that an app holds for it."""
    instance, health = found.instance, found.health
    if health is None or health.certificate is None or instance.address is None:
        return Missing(unasked(health))
    key = situation.current_key(instance)
    if key is None:
        return Missing(NO_KEY)
    try:
        figures = yield from ask(BackendProbe.figures, instance.address, health.certificate, key)
    except (Outcome, NeedsAttention) as error:
        taken = yield from _accepted(instance.address, health.certificate, key)
        return Missing(error.summary) if taken else KEY_REJECTED
    return figures


def _accepted(address: Address, certificate: str, key: Secret) -> Effects[bool]:
    """Whether the backend accepts the key, or cannot be asked."""
    try:
        taken = yield from ask(BackendProbe.accepts, address, certificate, key)
    except (Outcome, NeedsAttention):
        return True
    return taken


def _with_sleep(facts: Facts, situation: Situation, instance: Instance) -> Effects[Facts]:
    """Add why a stopped instance is stopped, and how long it had run by its guard's last line."""
    log: str | Missing
    try:
        log = yield from ask(GpuHost.logs, instance.id, TAIL)
    except UsageError:
        raise
    except ErtError as error:
        log = Missing(error.summary)
    why = why_stopped(instance, facts.credit, log, situation.observed.state)
    told = None if isinstance(log, Missing) else ran(log)
    return replace(facts, asleep={instance.id: why}, ran={} if told is None else {instance.id: told})
