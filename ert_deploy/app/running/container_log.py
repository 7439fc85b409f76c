"""`logs`: the last lines of a backend's log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.outcome import accessible
from ert_deploy.app.replicas.sessions import of_which
from ert_deploy.app.running.log_checks import is_check
from ert_deploy.app.running.log_lines import DEEPEST, readable
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.age import newest
from ert_deploy.wiring import Session


@dataclass(frozen=True, slots=True)
class Log:
    """Last lines of one instance's log, without known keys."""

    instance: InstanceId
    text: str


def logs(
    config: Config = None,
    *,
    tail: int = 100,
    instance: InstanceId | None = None,
    replica: int | None = None,
    checks: bool = False,
    progress: Progress = SILENT,
) -> Log:
    """Return the last `tail` lines of the log of an instance, by default the newest, without successful health checks.

    With `checks` these are among them, and with `replica` it is an instance of this one.

    Raises UsageError if no such instance exists, CannotObserve, or Failed if the log is not available.
    """
    opening = opened(config)
    rented_only(opening, "logs", "`ert-deploy logs --source app` has the log of the app")
    session = opening.session(progress, web=False)
    deployment = session.desired.deployment
    found = accessible(session, replica)
    mine = [i.id for i in found]
    if not mine:
        raise UsageError(f"{deployment} has no instance", hint="`ert-deploy up` rents one")
    if instance is not None and instance not in mine:
        raise UsageError(f"instance {instance} is not one of {deployment}", hint=f"there are: {', '.join(mine)}")
    chosen = instance if instance is not None else newest(found).id
    if which := of_which(session, next(one for one in found if one.id == chosen)):
        progress.note(which)
    _hold_keys(session)
    if session.in_sandbox:
        progress.note("sandbox: the times within the lines are this machine's")
    if checks:
        return Log(chosen, session.ports.gpu.logs(chosen, tail))
    text = session.ports.gpu.logs(chosen, max(tail, DEEPEST))
    kept = [line for line in text.splitlines() if not is_check(readable(line))]
    return Log(chosen, "\n".join(kept[-tail:]))


def _hold_keys(session: Session) -> None:
    """Register the keys that the apps use, so that they are removed from the log; errors are ignored."""
    for target in session.desired.targets:
        with suppress(ErtError):
            session.ports.web.read_env(session.ports.web.service(target.service).id)
