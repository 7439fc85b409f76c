"""What a failed machine left behind: read before its container is destroyed, and stored with the tombstone."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.failure import MOST_FAILURES, TAIL, Failure, exit_code, last_lines
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.state import State
from ert_deploy.core.model.text import printable
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import GpuHost


def evidence(step: steps.Retire, run: Run) -> Effects[Failure | None]:
    """Return what a machine left behind that is given up for its own failure, else None. One read, best effort."""
    instance = next((i for i in run.observed.instances if i.id == step.instance_id), None)
    if instance is None or not (step.deny or step.end):
        return None
    try:
        log = yield from ask(GpuHost.logs, instance.id, TAIL)
    except ErtError as error:
        log = f"(no log: {error.summary})"
    shown = last_lines(log, instance.boot_secret.reveal())
    message = "" if instance.message.progress else printable(instance.message.text)
    return Failure(
        instance.id,
        instance.machine_id,
        run.observed.stamp(),
        printable(step.reason),
        f"{instance.status or 'no status'}, {instance.power}",
        message,
        exit_code(message, shown),
        shown,
    )


def with_evidence(state: State, failure: Failure | None) -> State:
    """Add it to the state; the oldest beyond `MOST_FAILURES` are forgotten."""
    return state if failure is None else replace(state, failures=(*state.failures, failure)[-MOST_FAILURES:])


def told(step: steps.Retire, failure: Failure | None) -> str:
    """Return the reason with the host's message and the last log lines, for the message of a command."""
    if failure is None:
        return step.reason
    code = (f"exit code {failure.exit_code}",) if failure.exit_code else ()
    host = (f"host: {failure.message}",) if failure.message and failure.message not in step.reason else ()
    return "\n".join((step.reason, *host, *code, *(f"  {line}" for line in failure.lines())))
