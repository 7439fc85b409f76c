"""How an instance is getting on: ready, still booting, asleep, or failed and why.

Progress decides, not one long timeout: a host that still moves gets its time, one that stands still does not.
`running` is not ready; only our own identity and health over TLS is. One bad look is not enough to call a failure,
because the status fields of the provider are known to flap.
"""

from __future__ import annotations

import re
from enum import StrEnum

from ert_deploy.core.model.desired import Timings
from ert_deploy.core.model.observed import Health, Instance, OffSwitch, Vital, Watch
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.state import LONG_AGO, Record

BAD_LOOKS = 2
BAD_LOOKS_SERVING = 6
ENDED = frozenset({"exited", "stopped", "offline", "unknown"})
# Texts Vast shows when an image cannot be pulled or a container not be made (Vast docs; dstack's Vast backend).
FATAL = re.compile(
    r"manifest unknown|pull access denied|failed to resolve reference|unauthorized|repository does not exist"
    r"|no basic auth credentials"
    r"|oci runtime create failed|failed to inject cdi|no space left|port is already allocated",
    re.IGNORECASE,
)
# What a host says while all is well, and words that it says only when it is not.
PROGRESS = re.compile(
    r"\s*(?:[0-9a-f]{6,}: ?)?(?:success|pulling|downloading|download complete|pull complete|extracting|waiting"
    r"|verifying|already exists|preparing|$)",
    re.IGNORECASE,
)
WRONG = re.compile(
    r"error|denied|fail|too ?many ?requests|unknown|unauthorized|does not exist|not found|no such|no space|refused"
    r"|timed? ?out|exec format",
    re.IGNORECASE,
)
# The host's own fault, and a port that another instance of ours on the same machine has: neither says a thing about
# the image, unless the words after it are about a file in the image.
OF_THE_HOST = re.compile(r"oci runtime create failed|failed to inject cdi|no space left|port is already", re.IGNORECASE)
OF_THE_IMAGE = re.compile(
    r"exec format|no such file|executable file|manifest unknown|pull access denied|repository does not exist"
    r"|no matching manifest|unauthorized|no basic auth credentials",
    re.IGNORECASE,
)
NO_OFF_SWITCH = "it cannot stop itself: the provider refuses its own key"
MISCONFIGURED = "the backend says that no machine could serve what the config asks for"
NO_ENGINE = "the image is there, and its model server never answers"
_NUMBERS = re.compile(r"\b(?=\w*\d)\w+\b")
_LONGEST = 160


class Stage(StrEnum):
    """Where an instance is between rented and serving.

    Stuck: it was started and does not get anywhere. Stranded: its start was given up, so another one is needed.
    Lost: an app was told about it, and we cannot reach it.
    """

    BOOTING = "booting"
    READY = "ready"
    ASLEEP = "asleep"
    STUCK = "stuck"
    STRANDED = "stranded"
    LOST = "lost"
    FAILED = "failed"


@quick_dataclass
class Verdict:
    """The stage, why, and whether its machine should be shunned.

    `end` says how a boot failed in words that are the same on every host with the same cause; empty where the cause is
    the host's alone.
    """

    stage: Stage
    reason: str
    deny: bool = False
    end: str = ""


def look(previous: Watch | None, instance: Instance, health: Health | None, now: float, patience: float) -> Watch:
    """The watch after one more look: a changed mark restarts the progress timer, a bad look adds a strike.

    So does a gap between two looks of more than half the `patience` (s): this machine slept, and what it was told
    before says nothing of the time since.
    """
    mark = f"{instance.status}|{instance.message}|{health.progress() if health else ''}"
    bad = bool(complaint(instance, health))
    if previous is None:
        return Watch(mark, now, int(bad), now)
    unbroken = previous.mark == mark and now - previous.seen <= patience / 2
    return Watch(mark, previous.since if unbroken else now, previous.strikes + 1 if bad else 0, now)


def complaint(instance: Instance, health: Health | None) -> str:
    """What is wrong with it at this look, or an empty string."""
    if health is not None and health.vital is Vital.HEALTHY:
        return ""
    if health is not None and health.vital in (Vital.IMPOSTOR, Vital.SICK):
        return f"{health.vital}: {health.detail}".rstrip(": ")
    if FATAL.search(instance.message):
        return f"the host says: {instance.message}"
    if instance.halted and instance.status not in ENDED:
        return f"it stopped before its container ran{_words(instance)}"
    if instance.status in ENDED:
        return f"the container is {instance.status}{_words(instance) if WRONG.search(instance.message) else ''}"
    return ""


def _words(instance: Instance) -> str:
    return "" if PROGRESS.match(instance.message) else f", the host says: {instance.message}"


@quick_dataclass
class Candidate:
    """One instance of ours with everything known about it.

    `told`: some app was given its address. `pointed`: some app's environment holds it now.
    """

    instance: Instance
    health: Health | None
    watch: Watch
    record: Record | None
    told: bool = False
    pointed: bool = False


def lately(at: float, now: float, seconds: float) -> bool:
    """Whether that was less than so many seconds ago. What a clock that was set back puts into the future was not."""
    return 0 <= now - at < seconds


def judge(candidate: Candidate, timings: Timings, now: float) -> Verdict:
    """The verdict on one instance of ours."""
    instance, health, record = candidate.instance, candidate.health, candidate.record
    if health is not None and health.vital is Vital.HEALTHY:
        return _healthy(health, told=candidate.told)
    if record is not None and record.stranded:
        return _stranded(instance, record, timings, now)
    reason = complaint(instance, health)
    if instance.halted and not FATAL.search(instance.message) and not _never_booted(candidate, timings, now):
        return _halted(record, timings, now)
    if reason and not (_waking(record, timings, now) and instance.status in ENDED):
        patience = BAD_LOOKS_SERVING if record is not None and record.certificate else BAD_LOOKS
        if candidate.watch.strikes >= patience or (instance.halted and FATAL.search(instance.message)):
            return Verdict(Stage.FAILED, reason, deny=_shunned(candidate), end=_end(candidate))
        return Verdict(Stage.BOOTING, reason)
    return _slow(candidate, timings, now)


def _healthy(health: Health, *, told: bool) -> Verdict:
    """No app is told of one that is known not to stop by itself; what serves already goes on serving."""
    if health.off_switch is OffSwitch.REFUSED and not told:
        return Verdict(Stage.FAILED, NO_OFF_SWITCH, deny=True, end=NO_OFF_SWITCH)
    return Verdict(Stage.READY, "healthy")


def _never_booted(candidate: Candidate, timings: Timings, now: float) -> bool:
    """Whether it is stopped because its boot failed, and not because it sleeps.

    It was never healthy and no app knows it, and either its container never ran or the host says what went wrong. One
    that was found stopped may have been healthy before: there it takes both.
    """
    instance, record = candidate.instance, candidate.record
    if candidate.told or record is None or record.certificate or lately(record.woken, now, timings.start_lag):
        return False
    never_ran, wrong = instance.status not in ENDED, bool(WRONG.search(instance.message))
    return (never_ran and wrong) if record.woken == LONG_AGO else (never_ran or wrong)


def _shunned(candidate: Candidate) -> bool:
    """Whether its machine is to blame: not for an image nobody can run, nor for a price that somebody else outbid."""
    instance = candidate.instance
    if "port is already" in instance.message.lower() or _misconfigured(candidate):
        return False
    return not instance.halted or (bool(_words(instance)) and not OF_THE_IMAGE.search(instance.message))


def _end(candidate: Candidate) -> str:
    """How a first boot ended, in words to compare between hosts."""
    instance = candidate.instance
    if not _first_boot(candidate.record):
        return ""
    if _misconfigured(candidate):
        return MISCONFIGURED
    if not PROGRESS.match(instance.message):
        of_the_host = OF_THE_HOST.search(instance.message) and not OF_THE_IMAGE.search(instance.message)
        return "" if of_the_host else _NUMBERS.sub("#", instance.message.lower())[:_LONGEST]
    return "exited" if instance.status == "exited" and not instance.halted else ""


def _first_boot(record: Record | None) -> bool:
    return record is not None and not record.certificate and record.woken in (0.0, LONG_AGO)


def _misconfigured(candidate: Candidate) -> bool:
    """Whether the backend itself says that it would fail so on every machine."""
    health = candidate.health
    return health is not None and health.vital is Vital.SICK and health.misconfigured


def _stranded(instance: Instance, record: Record, timings: Timings, now: float) -> Verdict:
    """Given up on. One that runs all the same, perhaps because its start was queued, would be paid for nothing."""
    if not instance.halted and not lately(record.stranded, now, timings.start_lag):
        return Verdict(Stage.FAILED, "its start was given up, and it runs all the same")
    return Verdict(Stage.STRANDED, "it cannot be started")


def _halted(record: Record | None, timings: Timings, now: float) -> Verdict:
    if record is not None and lately(record.woken, now, timings.start_lag):
        return Verdict(Stage.BOOTING, "started, and still listed as stopped")
    return Verdict(Stage.ASLEEP, "it is stopped")


def _waking(record: Record | None, timings: Timings, now: float) -> bool:
    """Its status may lag for minutes after a start (field reports)."""
    return record is not None and lately(record.woken, now, timings.wake_grace)


def _slow(candidate: Candidate, timings: Timings, now: float) -> Verdict:
    instance, health, record = candidate.instance, candidate.health, candidate.record
    still = now - candidate.watch.since
    if still >= timings.no_progress:
        reason = f"no progress for {still:.0f} s (timings/no_progress)"
        if _waking(record, timings, now) and instance.status != "running":
            return Verdict(Stage.STUCK, reason)
        if _first_boot(record) and health is not None and (health.vital, health.phase) == (Vital.LOADING, "starting"):
            return Verdict(Stage.FAILED, f"{reason}, and its model server does not answer", deny=True, end=NO_ENGINE)
        return Verdict(Stage.FAILED, reason, deny=True)
    if record is not None and not record.certificate and now - max(record.at, record.woken) >= timings.boot_limit:
        return Verdict(Stage.FAILED, f"not healthy within {timings.boot_limit:.0f} s (timings/boot_limit)", deny=True)
    return Verdict(Stage.BOOTING, instance.message or instance.status or "provisioning")
