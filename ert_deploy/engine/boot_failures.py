"""Detection of equal boot failures on machines of different hosts, which indicate a fault of the image or config."""

from __future__ import annotations

import re
from dataclasses import replace

from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.failure import Failure, exit_code
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.provider import Cause
from ert_deploy.core.planning.health import MISCONFIGURED, NO_ENGINE, NO_OFF_SWITCH, NO_ROOM, NO_SPACE, SLOW
from ert_deploy.engine.market.registries import OLLAMA
from ert_deploy.engine.records.evidence import Lines, told
from ert_deploy.engine.run_context import Run, RunMemory

HOSTS = 2  # equal boot failures on this many hosts are attributed to the image
# One is enough where the backend, or the registry by a host, reports that it would be so everywhere, and where only the
# image can be the reason, unless it was healthy elsewhere.
NOT_RUN = "the container's command cannot be run"
NOT_RUN_CODES = frozenset(
    {"126", "127"}
)  # of a command that may not be executed, or is not in the image (POSIX, Docker)
NO_COMMAND = re.compile(r"executable file not found|exec format error", re.IGNORECASE)  # runc and the kernel
EXITS = "its container exits by itself"
MUTE = "its container runs, and no backend in it can be reached"
OUTSIDE = frozenset({"0", "137", "143"})  # exit codes of a guard that was stopped or killed
# The last line of a guard that exits by itself: an error of Python or its loader, or that it has no off-switch.
LAST_WORDS = re.compile(
    r"[\w.]*(?:Error|Exception)\b|Fatal Python error|.*(?:No module named|error while loading|off-switch is NOT active)"
)
REPORTED = frozenset({MISCONFIGURED, NO_SPACE})
OWN_DOING = frozenset({EXITS, MUTE})
CERTAIN = OWN_DOING | {NOT_RUN}
OF_THE_IMAGE = frozenset(map(str, (Cause.ABSENT, Cause.PLATFORM)))
ABOUT_THE_PULL = OF_THE_IMAGE | {NO_ROOM}
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


def same_end(step: steps.Retire, run: Run, failure: Failure | None, lines: Lines) -> frozenset[str]:
    """Return the machines on which a boot of this run failed like this one, if there are enough to blame no host.

    `failure` is what the machine left behind, with such `lines` in its log. The machine of a container that exits by
    itself stays denied: the image is to blame, and another `up` tries another host.
    """
    instance = next((i for i in run.observed.instances if i.id == step.instance_id), None)
    if instance is None or failure is None or step.token not in run.memory.created:
        return frozenset()
    end = _end(step, run, instance, failure, lines)
    if not end:
        return frozenset()
    machines = run.memory.ends.setdefault(end, {})
    machines[step.machine_id] = told(step, failure)
    return frozenset(machines) if end not in OWN_DOING and len(machines) >= _enough(end, run) else frozenset()


def _end(step: steps.Retire, run: Run, instance: Instance, failure: Failure, lines: Lines) -> str:
    """Return how the boot failed, in text that is equal on all hosts; empty if only the host is at fault."""
    rental, launch = run.memory.spending.get(step.token), run.desired.launch
    spoke = rental is not None and rental.started > 0
    known = spoke or lines is Lines.OURS or run.memory.image.starts_backend
    if step.end and _not_run(failure):
        return NOT_RUN
    if step.end in REPORTED or launch.debug_ssh:  # then the provider's own program is the first of the container
        return step.end
    if step.end and step.end not in ABOUT_THE_PULL and instance.ended and (not known or _by_itself(failure)):
        return EXITS
    silent = lines in (Lines.NONE, Lines.OTHERS)
    return MUTE if step.deny and silent and not known and instance.power is Power.RUNNING else step.end


def _not_run(failure: Failure) -> bool:
    """Whether the host reports that the container's command cannot be executed."""
    return exit_code(failure.message) in NOT_RUN_CODES or NO_COMMAND.search(failure.message) is not None


def _by_itself(failure: Failure) -> bool:
    """Whether a container that starts the guard has exited by itself, and was not stopped or killed by its host.

    The guard writes before it does anything, and Python before it exits by an error, so that silence is the host's.
    """
    if failure.exit_code:
        return failure.exit_code not in OUTSIDE
    return any(LAST_WORDS.match(line) for line in failure.lines()[-1:])


def _enough(end: str, run: Run) -> int:
    """Return on how many hosts an end has to occur to be no host's fault; more where it contradicts what is known."""
    image, launch = run.memory.image, run.desired.launch
    if end.startswith(SLOW):
        return SLOW_HOSTS
    if end in REPORTED:
        return 1
    once = {
        NO_ENGINE: launch.server.kind != OLLAMA,  # its command is the config's, and not the image's
        NO_ROOM: image.unpacked_gb > launch.disk_gb,
    }.get(end, end in CERTAIN or (end in OF_THE_IMAGE and not image.pullable))
    return 1 if once and not _proven(run) else HOSTS


def _proven(run: Run) -> bool:
    """Whether another machine became healthy with the same content and config, so that neither is at fault."""
    launch = run.desired.launch
    others = (c for c in run.situation.candidates if c.record is not None and c.record.certificate)
    return "@" in launch.image and any(c.instance.spec == launch.spec() for c in others)


def curve(instance: Instance, memory: RunMemory) -> Curve | None:
    """Return what is expected of the launch of an instance that this run rented, else None."""
    known = memory.curves.get(instance.mark.token) if instance.mark is not None else None
    if known is None or not memory.ends:
        return known
    slow = (stage for stage in LaunchStage if len(memory.ends.get(SLOW + stage.name.lower(), ())) >= SLOW_HOSTS)
    return replace(known, lenient=frozenset(slow))


def refuse_broken_image(run: Run) -> None:
    """Raise Failed if a boot of this run failed in a way that the next one would share."""
    for end, machines in run.memory.ends.items():
        if len(machines) >= _enough(end, run) and not end.startswith(SLOW):
            raise _fault(end, len(machines), next(iter(machines.values())), run.desired.launch)


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
            f"the model server in {launch.image} does not start" + (f", on {number} machines" if number > 1 else ""),
            reason,
            "check launch/engine_command and launch/image: run them on a machine of your own",
        )
    if end in OWN_DOING:
        return Failed(
            f"the image {launch.image} does not start: {end}" + (f", on {number} machines" if number > 1 else ""),
            reason,
            "correct what its last lines name; if it is the host, `ert-deploy up` tries another one: "
            "this machine is avoided for `timings/deny`",
        )
    alike = f"{number} machines failed in the same way" if number > 1 else "its machine failed as every other would"
    return Failed(
        f"the image {launch.image} does not start: {alike}",
        reason,
        next((advice for words, advice in ADVICE if re.search(words, reason, re.IGNORECASE)), OTHERWISE),
    )
