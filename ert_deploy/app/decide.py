"""`adopt`, `ignore` and `destroy`: a person decides about one instance, so that commands end well again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine import decide
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.run import run
from ert_deploy.wiring import Session

Confirm = Callable[[Instance | None], bool]  # asked with the instance as it is listed, while the lock is held


def agreed(_instance: Instance | None) -> bool:
    """Whoever names an instance in a call has decided about it."""
    return True


def adopt(instance_id: int, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT) -> bool:
    """Take an instance into the state as ours; whether it was confirmed.

    From then on `up` may use or replace it and `down` destroys it. Raises UsageError for an instance that is not
    there or has no mark of ours, Busy and CannotObserve.
    """

    return _listed(instance_id, config, confirm, progress, decide.adopt)


def ignore(instance_id: int, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT) -> bool:
    """Name an instance no more: it is not touched and goes on billing; whether it was confirmed. Raises as `adopt`."""

    return _listed(instance_id, config, confirm, progress, decide.ignore)


def destroy(instance_id: int, config: Config = None, *, confirm: Confirm = agreed, progress: Progress = SILENT) -> bool:
    """Destroy an instance with all that is on its disk, and see it gone; whether it was confirmed.

    `confirm` gets None for one that only the state knows. Raises as `adopt`, UsageError for another owner's, and
    NeedsAttention when it cannot be seen gone.
    """
    with _at_work(config, progress) as session:
        situation, instance = run(decide.find(session.desired, instance_id), session.ports)
        if not confirm(instance):
            return False
        run(decide.destroy(situation, instance_id), session.ports)
    return True


def _listed(
    instance_id: int,
    config: Config,
    confirm: Confirm,
    progress: Progress,
    change: Callable[[Situation, Instance], Effects[None]],
) -> bool:
    """Carry out a change about one listed instance, once it is confirmed; whether it was."""
    with _at_work(config, progress) as session:
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
def _at_work(config: Config, progress: Progress) -> Iterator[Session]:
    deployment = opened(config)
    if not deployment.sandbox_runs():
        raise UsageError("the sandbox is not running, so there is no instance", hint="`ert-deploy sandbox start`")
    session = deployment.session(progress)
    with session.ports.store.lock(new_run_id()):
        yield session
