"""Detection of equal boot failures on machines of different hosts, which indicate a fault of the image or config."""

from __future__ import annotations

import re
from dataclasses import replace

from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.failure import exit_code
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.desired import Desired, Launch
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import Cause
from ert_deploy.core.planning.health import MISCONFIGURED, NO_ENGINE, NO_OFF_SWITCH, NO_ROOM, NO_SPACE, SLOW
from ert_deploy.engine.run_context import RunMemory

HOSTS = 2  # equal boot failures on this many hosts are attributed to the image
# One is enough where the backend, or the registry by a host, reports that it would be so everywhere.
NOT_RUN = "the container's command cannot be run"
NOT_RUN_CODES = frozenset(
    {"126", "127"}
)  # of a command that may not be executed, or is not in the image (POSIX, Docker)
NO_COMMAND = "executable file not found"  # runc's message for the latter
CERTAIN = frozenset({MISCONFIGURED, NO_SPACE, NOT_RUN})
OF_THE_IMAGE = frozenset(map(str, (Cause.ABSENT, Cause.PLATFORM)))
SLOW_HOSTS = 3  # so many hosts that are too slow in one stage are not slow: what is expected of them is wrong
ADVICE = (
    (r"too ?many ?requests|rate limit", "its registry limits pulls without a login: push it to one that does not"),
    (r"exec format|no matching manifest", "it is not for linux/amd64: `ert-deploy image build` makes one that is"),
    (
        r"manifest unknown|denied|unauthorized|does not exist|not found",
        "check launch/image: hosts pull it without a login, so it has to be there and public",
    ),
)
OTHERWISE = "check launch/image: run it on a machine of your own; `ert-deploy image build` builds a new one"


def same_end(step: steps.Retire, memory: RunMemory, told: str, said: str = "") -> frozenset[str]:
    """Return the machines on which a boot of this run failed like this one, if there are enough to blame no host.

    `told` is what the machine left behind, for the message; `said` the host's part of it, which may have an exit code.
    """
    if not step.end or step.token not in memory.created:
        return frozenset()
    not_run = exit_code(said) in NOT_RUN_CODES or NO_COMMAND in said.lower()
    end = NOT_RUN if not_run else step.end
    machines = memory.ends.setdefault(end, {})
    machines[step.machine_id] = told
    return frozenset(machines) if len(machines) >= _enough(end, memory) else frozenset()


def _enough(end: str, memory: RunMemory) -> int:
    """Return on how many hosts an end has to occur to be no host's fault; more where it contradicts the registry."""
    if end.startswith(SLOW):
        return SLOW_HOSTS
    return 1 if end in CERTAIN or (end in OF_THE_IMAGE and not memory.image.pullable) else HOSTS


def curve(instance: Instance, memory: RunMemory) -> Curve | None:
    """Return what is expected of the launch of an instance that this run rented, else None."""
    known = memory.curves.get(instance.mark.token) if instance.mark is not None else None
    if known is None or not memory.ends:
        return known
    slow = (stage for stage in LaunchStage if len(memory.ends.get(SLOW + stage.name.lower(), ())) >= SLOW_HOSTS)
    return replace(known, lenient=frozenset(slow))


def refuse_broken_image(desired: Desired, memory: RunMemory) -> None:
    """Raise Failed if a boot of this run failed in a way that the next one would share."""
    for end, machines in memory.ends.items():
        if len(machines) >= _enough(end, memory) and not end.startswith(SLOW):
            raise _fault(end, len(machines), next(iter(machines.values())), desired.launch)


def _fault(end: str, number: int, reason: str, launch: Launch) -> Failed:
    """Return the error for a failure shared by several machines, with a hint."""
    if end == NO_OFF_SWITCH:
        return Failed(
            f"{number} machines are unusable: the provider rejects the keys with which they stop themselves",
            "a machine that cannot stop itself would bill until a user notices; both were destroyed",
            "check the provider's status page, then run the command again",
        )
    if end == MISCONFIGURED:
        return Failed(
            f"the model {launch.model} cannot be served as configured",
            reason,
            "check launch/model, launch/context, launch/model_digest and launch/engine_command; then run it again",
        )
    if end in (NO_SPACE, NO_ROOM):
        return Failed(
            f"the disk of {launch.disk_gb:g} GB does not hold the image and the model {launch.model}",
            reason,
            "raise launch/disk_gb, or choose a smaller model",
        )
    if end == NO_ENGINE:
        return Failed(
            f"the model server in {launch.image} does not start, on {number} machines",
            reason,
            "check launch/engine_command and launch/image: run them on a machine of your own",
        )
    told = f"{number} machines failed in the same way" if number > 1 else "its machine failed as every other would"
    return Failed(
        f"the image {launch.image} does not start: {told}",
        reason,
        next((advice for words, advice in ADVICE if re.search(words, reason, re.IGNORECASE)), OTHERWISE),
    )
