"""`restart`: restart the container of the newest running instance, and wait until it serves again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.outcome import accessible
from ert_deploy.app.replicas.sessions import of_which
from ert_deploy.core.model.errors import Failed, NeedsAttention, Outcome, UsageError
from ert_deploy.core.model.events import Waiting
from ert_deploy.core.model.keys import certificate_sha256
from ert_deploy.core.model.observed import Health, Instance, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.age import newest
from ert_deploy.wiring import Session

Confirm = Callable[[Instance], bool]
ENDS_WITHIN = 30.0  # seconds in which the old process may still respond


@dataclass(frozen=True, slots=True)
class Restarted:
    """The instance, and the seconds until it served again by the clock of the deployment."""

    instance: InstanceId
    seconds: float


def restart(
    config: Config = None,
    *,
    instance: InstanceId | None = None,
    replica: int | None = None,
    confirm: Confirm,
    progress: Progress = SILENT,
) -> Restarted | None:
    """Restart the container; the machine, its disk, address and keys stay, and running reports are lost.

    It is that of `instance`, or the newest that runs, of `replica` if there is one.

    Returns None if it was not confirmed. Raises UsageError if nothing runs, `Busy`, Failed if the provider refuses or
    the backend does not serve in time, NeedsAttention if the instance or its identity is another one, CannotObserve.
    """
    deployment = opened(config)
    rented_only(deployment, "restart")
    if not deployment.sandbox_runs():
        raise UsageError("the sandbox is not running, so there is nothing to restart", hint="`ert-deploy up` starts it")
    session = deployment.session(progress, web=False)
    with session.ports.store.lock(new_run_id()):
        chosen = _chosen(session, instance, replica)
        if which := of_which(session, chosen):
            progress.note(which)
        if not confirm(chosen):
            return None
        started = session.ports.clock.now()
        try:
            session.ports.gpu.restart(chosen.id)
        except Outcome as error:
            raise Failed(f"instance {chosen.id} was not restarted: {error.summary}", error.detail, error.hint) from None
        _await(session, chosen, started)
        return Restarted(chosen.id, session.ports.clock.now() - started)


def _chosen(session: Session, wanted: InstanceId | None, replica: int | None) -> Instance:
    mine = [one for one in accessible(session, replica) if wanted is None or one.id == wanted]
    if not mine:
        name = "instance" if wanted is None else f"instance {wanted}"
        raise UsageError(f"there is no {name} of {session.desired.deployment}", hint="`ert-deploy up` rents one")
    found = newest([one for one in mine if not one.halted] or mine)
    if found.halted:
        raise UsageError(f"instance {found.id} is asleep", hint="`ert-deploy wake` starts it")
    return found


def _await(session: Session, chosen: Instance, started: float) -> None:
    """Wait until the backend has gone and is healthy again, with the certificate that the state has."""
    timings, clock = session.desired.timings, session.ports.clock
    ended = False
    while (left := started + timings.boot_limit - clock.now()) > 0:
        session.ports.audience.tell(Waiting(f"instance {chosen.id} to serve again", left))
        clock.sleep(timings.poll)
        health = _health(session, chosen)
        ended = ended or health is None or health.vital is not Vital.HEALTHY
        if health is not None and health.vital is Vital.HEALTHY and (ended or clock.now() > started + ENDS_WITHIN):
            _must_be_the_same(session, chosen, health)
            return
    raise Failed(
        f"instance {chosen.id} did not serve again within {timings.boot_limit:.0f} s",
        hint="`ert-deploy logs` has its last lines; `ert-deploy up` replaces it",
    )


def _health(session: Session, chosen: Instance) -> Health | None:
    """Return the health of the instance, None without an address. Raise NeedsAttention if it no longer exists."""
    now = session.ports.gpu.get_instance(chosen.id)
    if now is None:
        raise NeedsAttention(f"instance {chosen.id} no longer exists", hint="`ert-deploy up` rents another one")
    if now.address is None or chosen.mark is None:
        return None
    return session.ports.backend.probe(now.address, chosen.mark, chosen.boot_secret, "")


def _must_be_the_same(session: Session, chosen: Instance, health: Health) -> None:
    document = session.ports.store.load()
    found = (part.record(chosen.id) for part in (document, *document.replicas))
    record = next((one for one in found if one is not None), None)
    known = record.certificate if record is not None else ""
    if known and health.certificate and certificate_sha256(known) != certificate_sha256(health.certificate):
        raise NeedsAttention(
            f"instance {chosen.id} has another certificate since its restart",
            hint="`ert-deploy up` gives it to the app",
        )
