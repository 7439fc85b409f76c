"""Health of an instance: ready, still booting, stopped, or failed with a reason.

A boot is limited by progress and not by a single long timeout: a host with progress may continue, one that stalls may
not. The status `running` does not mean ready; only identity and health checked over TLS do. A single failed check is
not treated as a failure, because the provider's status fields are known to flap.
"""

from __future__ import annotations

import re
from enum import StrEnum

from ert_deploy.core.launching.progress import Curve, follow
from ert_deploy.core.model.boot.watch import LATE, OVERTAKEN, Watch
from ert_deploy.core.model.desired import Timings
from ert_deploy.core.model.observed import HEALTHY, IMPOSTOR, LOADING, UNHEALTHY, Health, Instance, OffSwitch, Power
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.state import LONG_AGO, InstanceRecord

BAD_LOOKS = 2
BAD_LOOKS_SERVING = 6
NO_OFF_SWITCH = "it cannot stop itself: the provider rejects its own key"
MISCONFIGURED = "the backend reports that no machine could serve the configured model"
NO_SPACE = "the backend reports that its disk is full"
NO_ROOM = "the host has no space left for the image"
NO_ENGINE = "the image was pulled, and its model server never responds"
SLOW = "slow: "  # the start of the end of a boot that fell behind, before its stage
_NUMBERS = re.compile(r"\b(?=\w*\d)\w+\b")
_NO_SPACE = re.compile("no space left", re.IGNORECASE)
_LONGEST = 160


class Stage(StrEnum):
    """Lifecycle stage of an instance.

    Stuck: it was started and makes no progress. Stranded: its start was given up, so a new instance is needed. Lost:
    its address was published to an app, and it is unreachable.
    """

    BOOTING = "booting"
    READY = "ready"
    ASLEEP = "asleep"
    STUCK = "stuck"
    STRANDED = "stranded"
    LOST = "lost"
    FAILED = "failed"


# Names, as a lookup in an enum takes longer than a call on Python 3.11.
BOOTING, READY, ASLEEP, STUCK, STRANDED, LOST, FAILED = Stage
REFUSED = OffSwitch.REFUSED


@quick_dataclass
class StageResult:
    """The stage, the reason, and whether the machine should be excluded.

    `end` describes a failed boot by text that is equal on all hosts with the same cause; empty if only the host is at
    fault.
    """

    stage: Stage
    reason: str
    deny: bool = False
    end: str = ""


def look(
    previous: Watch | None,
    instance: Instance,
    health: Health | None,
    now: float,
    patience: float,
    *,
    curve: Curve | None = None,
) -> Watch:
    """Return the updated watch: a changed mark resets the progress timer, a failed check adds a strike.

    The timer is also reset after a pause of more than half of `patience` (s) between two observations: this machine was
    asleep, and older results do not apply to that time. With a `curve` the stage of the launch is followed as well.
    """
    mark = instance.power + f"|{instance.status}|{instance.message.text}|{health.progress() if health else ''}"
    bad = bool(complaint(instance, health))
    if previous is None:
        watch = Watch(mark, now, int(bad), now)
    else:
        steady = now - previous.seen <= patience / 2
        since = previous.since if steady and previous.mark == mark else now
        watch = Watch(mark, since, previous.strikes + 1 if bad else 0, now, steady=steady)
    return watch if curve is None else follow(watch, previous, instance, health, curve)


def complaint(instance: Instance, health: Health | None) -> str:
    """Return the problem found by this observation, or an empty string."""
    if health is not None and health.vital is HEALTHY:
        return ""
    if health is not None and health.vital in (IMPOSTOR, UNHEALTHY):
        return f"{health.vital}: {health.detail}".rstrip(": ")
    if instance.message.permanent:
        return f"the host says: {instance.message.text}"
    if instance.halted and not instance.ended:
        return f"it stopped before its container ran{_words(instance)}"
    if instance.ended:
        return f"the container is {instance.status}{_words(instance) if instance.message.wrong else ''}"
    return ""


def _words(instance: Instance) -> str:
    return "" if instance.message.progress else f", the host says: {instance.message.text}"


@quick_dataclass
class Candidate:
    """One instance of the deployment with all available data about it.

    `published`: its address was published to an app. `pointed`: the environment of an app contains it now.
    """

    instance: Instance
    health: Health | None
    watch: Watch
    record: InstanceRecord | None
    published: bool = False
    pointed: bool = False


def lately(at: float, now: float, seconds: float) -> bool:
    """Whether `at` is less than `seconds` before `now`; False for a time in the future, as after a clock change."""
    return 0 <= now - at < seconds


def judge(candidate: Candidate, timings: Timings, now: float) -> StageResult:
    """Return the verdict on one instance of the deployment."""
    instance, health, record = candidate.instance, candidate.health, candidate.record
    if health is not None and health.vital is HEALTHY:
        return _healthy(health, published=candidate.published)
    if record is not None and record.stranded:
        return _stranded(instance, record, timings, now)
    reason = complaint(instance, health)
    if instance.halted and not instance.message.permanent and not _never_booted(candidate, timings, now):
        return _halted(record, timings, now, bid=instance.bid)
    if reason and not (_waking(record, timings, now) and instance.ended):
        patience = BAD_LOOKS_SERVING if record is not None and record.certificate else BAD_LOOKS
        if candidate.watch.strikes >= patience or (instance.halted and instance.message.permanent):
            return StageResult(FAILED, reason, deny=_shunned(candidate), end=_end(candidate))
        return StageResult(BOOTING, reason)
    return _slow(candidate, timings, now)


def _healthy(health: Health, *, published: bool) -> StageResult:
    """Reject an unpublished instance that cannot stop itself; one that is in use already stays in use."""
    if health.off_switch is REFUSED and not published:
        return StageResult(FAILED, NO_OFF_SWITCH, deny=True, end=NO_OFF_SWITCH)
    return StageResult(READY, "healthy")


def _never_booted(candidate: Candidate, timings: Timings, now: float) -> bool:
    """Whether it is stopped because the boot failed, and not because it is asleep.

    It was never healthy or published, and either its container never ran or the host's message indicates an error. One
    that was found stopped may have been healthy before, so that both conditions are required.
    """
    instance, record = candidate.instance, candidate.record
    if candidate.published or record is None or record.certificate or lately(record.woken, now, timings.start_lag):
        return False
    never_ran, wrong = not instance.ended, instance.message.wrong
    return (never_ran and wrong) if record.woken == LONG_AGO else (never_ran or wrong)


def _shunned(candidate: Candidate) -> bool:
    """Whether the machine is at fault, and not an image that runs nowhere or a higher bid of another customer."""
    instance = candidate.instance
    if instance.message.port_taken or _misconfigured(candidate) or _full(candidate):
        return False
    return not instance.halted or (bool(_words(instance)) and not instance.message.of_image)


def _end(candidate: Candidate) -> str:
    """Return how the first boot failed, as text for comparison between hosts."""
    instance = candidate.instance
    if not _first_boot(candidate.record):
        return ""
    if _misconfigured(candidate):
        return MISCONFIGURED
    if _full(candidate):
        return NO_SPACE
    if _NO_SPACE.search(instance.message.text):
        return NO_ROOM
    if instance.message.cause:
        return str(instance.message.cause)
    if not instance.message.progress:
        of_the_host = instance.message.of_host and not instance.message.of_image
        return "" if of_the_host else _NUMBERS.sub("#", instance.message.text.lower())[:_LONGEST]
    return "exited" if instance.power is Power.EXITED else ""


def _first_boot(record: InstanceRecord | None) -> bool:
    return record is not None and not record.certificate and record.woken in (0.0, LONG_AGO)


def _misconfigured(candidate: Candidate) -> bool:
    """Whether the backend itself reports that it would fail in the same way on every machine."""
    health = candidate.health
    return health is not None and health.vital is UNHEALTHY and health.misconfigured


def _full(candidate: Candidate) -> bool:
    """Whether the disk that was rented for it cannot hold the model, by the backend's own report."""
    health = candidate.health
    return health is not None and health.vital is UNHEALTHY and _NO_SPACE.search(health.detail) is not None


def _stranded(instance: Instance, record: InstanceRecord, timings: Timings, now: float) -> StageResult:
    """The start was given up. If it runs anyway, as after a queued start, it costs money without any use."""
    if not instance.halted and not lately(record.stranded, now, timings.start_lag):
        return StageResult(FAILED, "its start was given up, and it runs all the same")
    return StageResult(STRANDED, "it cannot be started")


def _halted(record: InstanceRecord | None, timings: Timings, now: float, *, bid: bool) -> StageResult:
    if record is not None and lately(record.woken, now, timings.start_lag):
        return StageResult(BOOTING, "started, and still listed as stopped")
    return StageResult(ASLEEP, "it is stopped, or was outbid" if bid else "it is stopped")


def _waking(record: InstanceRecord | None, timings: Timings, now: float) -> bool:
    """Whether the status may still lag after a start, which can take minutes (field reports)."""
    return record is not None and lately(record.woken, now, timings.wake_grace)


def _slow(candidate: Candidate, timings: Timings, now: float) -> StageResult:
    instance, health, record = candidate.instance, candidate.health, candidate.record
    still = now - candidate.watch.since
    if still >= timings.no_progress:
        reason = f"no progress for {still:.0f} s (timings/no_progress)"
        if _waking(record, timings, now) and instance.power is not Power.RUNNING:
            return StageResult(STUCK, reason)
        if _first_boot(record) and health is not None and (health.vital, health.phase) == (LOADING, "starting"):
            return StageResult(FAILED, f"{reason}, and its model server does not respond", deny=True, end=NO_ENGINE)
        return StageResult(FAILED, reason, deny=True)
    if candidate.watch.lag is LATE and _first_boot(record) and not candidate.published:
        end = SLOW + candidate.watch.stage.name.lower()
        return StageResult(FAILED, candidate.watch.why, deny=True, end=end)
    if candidate.watch.lag is OVERTAKEN and _first_boot(record) and not candidate.published:
        return StageResult(FAILED, candidate.watch.why)
    unproven = record is not None and not record.certificate and candidate.watch.steady
    if record is not None and unproven and now - max(record.at, record.woken) >= timings.boot_limit:
        return StageResult(FAILED, f"not healthy within {timings.boot_limit:.0f} s (timings/boot_limit)", deny=True)
    return StageResult(BOOTING, instance.message.text or instance.status or "provisioning")
