"""`adopt`, `ignore` and `destroy`: user commands for one instance, so that later commands succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.money.record import record
from ert_deploy.app.replicas.sessions import bearing
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine import decide
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.run import run
from ert_deploy.wiring import Session

Confirm = Callable[[Instance | None], bool]  # called with the instance data, while the lock is held


def agreed(_instance: Instance | None) -> bool:
    """Confirm without a prompt: a caller that passes an instance id has already decided."""
    return True


def adopt(
    instance_id: InstanceId, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT
) -> bool:
    """Add an instance to the state; return whether it was confirmed.

    From then on `up` may use or replace it and `down` deletes it. Raises UsageError for an instance that does not exist
    or has no mark of this deployment, `Busy` and CannotObserve.
    """

    return _listed(instance_id, config, confirm, progress, decide.adopt)


def ignore(
    instance_id: InstanceId, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT
) -> bool:
    """Exclude an instance, which remains and costs money; return whether it was confirmed. Raises as `adopt`."""

    return _listed(instance_id, config, confirm, progress, decide.ignore)


def destroy(
    instance_id: InstanceId, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT
) -> bool:
    """Delete an instance with its disk, and wait until it is absent; return whether it was confirmed.

    `confirm` receives None for one that is only in the state. Raises as `adopt`, UsageError for another owner's, and
    NeedsAttention if it still exists.
    """
    with _at_work(config, progress, instance_id) as session:
        situation, instance = run(decide.find(session.desired, instance_id), session.ports)
        if not confirm(instance):
            return False
        run(decide.destroy(situation, instance_id), session.ports)
    return True


def _listed(
    instance_id: InstanceId,
    config: Config,
    confirm: Confirm,
    progress: Progress,
    change: Callable[[Situation, Instance], Effects[None]],
) -> bool:
    """Apply a change to one instance after confirmation; return whether it was applied."""
    with _at_work(config, progress, instance_id) as session:
        situation, instance = run(decide.find(session.desired, instance_id), session.ports)
        if instance is None:
            raise UsageError(
                f"instance {instance_id} is in the state and not on this account",
                hint=f"`ert-deploy destroy {instance_id}` confirms its absence and removes it from the state",
            )
        if not confirm(instance):
            return False
        run(change(situation, instance), session.ports)
    return True


@contextmanager
def _at_work(config: Config, progress: Progress, instance_id: InstanceId) -> Iterator[Session]:
    """Yield the session of the replica that the instance is of, with the lock."""
    deployment = opened(config)
    if not deployment.sandbox_runs():
        raise UsageError("the sandbox is not running, so there is no instance", hint="`ert-deploy sandbox start`")
    session = deployment.session(progress)
    with session.ports.store.lock(new_run_id()):
        yield bearing(session, instance_id)
    record(session, progress)
