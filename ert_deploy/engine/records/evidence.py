"""What a failed machine left behind: read before its container is destroyed, and stored with the tombstone."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.failure import MOST_FAILURES, NO_LOG, TAIL, Failure, exit_code, last_lines
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.state import State
from ert_deploy.core.model.text import printable
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import GpuHost

OWN = re.compile(r"^guard: |ert_backend", re.MULTILINE)  # lines of the backend's guard and services, and their errors


class Lines(StrEnum):
    """What a log has: a line of the backend, only lines of something else, none; or it could not be read."""

    OURS = "ours"
    OTHERS = "others"
    NONE = "none"
    UNREAD = "unread"


def evidence(step: steps.Retire, run: Run) -> Effects[tuple[Failure | None, Lines]]:
    """Return what a machine left behind that is given up for its own failure, else None. One read, best effort."""
    instance = next((i for i in run.observed.instances if i.id == step.instance_id), None)
    if instance is None or not (step.deny or step.end):
        return None, Lines.UNREAD
    try:
        log = yield from ask(GpuHost.logs, instance.id, TAIL)
        lines = Lines.OURS if OWN.search(log) else Lines.OTHERS if log.strip() else Lines.NONE
    except ErtError as error:
        log, lines = f"{NO_LOG}{error.summary})", Lines.UNREAD
    shown = last_lines(log, instance.boot_secret.reveal())
    message = "" if instance.message.progress else printable(instance.message.text)
    left = Failure(
        instance.id,
        instance.machine_id,
        run.observed.stamp(),
        printable(step.reason),
        f"{instance.status or 'no status'}, {instance.power}",
        message,
        exit_code(message, shown),
        shown,
    )
    return left, lines


def with_evidence(state: State, failure: Failure | None) -> State:
    """Add it to the state; the oldest beyond `MOST_FAILURES` are forgotten."""
    return state if failure is None else replace(state, failures=(*state.failures, failure)[-MOST_FAILURES:])


def told(step: steps.Retire, failure: Failure) -> str:
    """Return the reason with the host's message and the last log lines, for the message of a command."""
    code = (f"exit code {failure.exit_code}",) if failure.exit_code else ()
    host = (f"host: {failure.message}",) if failure.message and failure.message not in step.reason else ()
    return "\n".join((step.reason, *host, *code, *(f"  {line}" for line in failure.lines())))
