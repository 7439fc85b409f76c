"""How an instance is getting on: ready, still booting, or failed and why.

Progress decides, not one long timeout: a host that still moves gets its time, one that stands still does not.
`running` is not ready; only our own identity and health over TLS is. One bad look is not enough to call a failure,
because the status fields of the provider are known to flap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.core.model import Timings
from ert_deploy.core.observed import Health, Instance, Vital, Watch
from ert_deploy.core.state import Record

BAD_LOOKS = 2
BAD_LOOKS_SERVING = 6
ENDED = frozenset({"exited", "stopped", "offline", "unknown"})
# Texts Vast shows when an image cannot be pulled or a container not be made (Vast docs; dstack's Vast backend).
FATAL = re.compile(
    r"manifest unknown|pull access denied|failed to resolve reference|unauthorized|repository does not exist"
    r"|oci runtime create failed|failed to inject cdi|no space left",
    re.IGNORECASE,
)


class Stage(StrEnum):
    """Where an instance is between rented and serving. Lost: an app was told about it, and we cannot reach it."""

    BOOTING = "booting"
    READY = "ready"
    LOST = "lost"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The stage, why, and whether its machine should be shunned."""

    stage: Stage
    reason: str
    deny: bool = False


def look(previous: Watch | None, instance: Instance, health: Health | None, now: float) -> Watch:
    """The watch after one more look: a changed mark restarts the progress timer, a bad look adds a strike."""
    mark = f"{instance.status}|{instance.message}|{health.progress() if health else ''}"
    bad = bool(complaint(instance, health))
    if previous is None:
        return Watch(mark, now, int(bad))
    since = previous.since if previous.mark == mark else now
    return Watch(mark, since, previous.strikes + 1 if bad else 0)


def complaint(instance: Instance, health: Health | None) -> str:
    """What is wrong with it at this look, or an empty string."""
    if health is not None and health.vital is Vital.HEALTHY:
        return ""
    if health is not None and health.vital in (Vital.IMPOSTOR, Vital.SICK):
        return f"{health.vital}: {health.detail}".rstrip(": ")
    if FATAL.search(instance.message):
        return f"the host says: {instance.message}"
    if instance.status in ENDED:
        return f"the container is {instance.status}"
    if instance.intended == "stopped" and instance.current == "stopped":
        return "the instance is stopped"
    return ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One instance of ours with everything known about it. `told`: some app was given its address."""

    instance: Instance
    health: Health | None
    watch: Watch
    record: Record | None
    told: bool = False


def judge(candidate: Candidate, timings: Timings, now: float) -> Verdict:
    """The verdict on one instance of ours."""
    instance, health, record = candidate.instance, candidate.health, candidate.record
    if health is not None and health.vital is Vital.HEALTHY:
        return Verdict(Stage.READY, "healthy")
    serving = record is not None and bool(record.certificate)
    reason = complaint(instance, health)
    if reason:
        patience = BAD_LOOKS_SERVING if serving and not _stopped(instance) else BAD_LOOKS
        if candidate.watch.strikes >= patience:
            return Verdict(Stage.FAILED, reason, deny=not _stopped(instance))
        return Verdict(Stage.BOOTING, reason)
    return _slow(candidate, timings, now)


def _slow(candidate: Candidate, timings: Timings, now: float) -> Verdict:
    instance, record = candidate.instance, candidate.record
    still = now - candidate.watch.since
    if still >= timings.no_progress:
        return Verdict(Stage.FAILED, f"no progress for {still:.0f} s (timings/no_progress)", deny=True)
    if record is not None and not record.certificate and now - record.at >= timings.boot_limit:
        return Verdict(Stage.FAILED, f"not healthy within {timings.boot_limit:.0f} s (timings/boot_limit)", deny=True)
    return Verdict(Stage.BOOTING, instance.message or instance.status or "provisioning")


def _stopped(instance: Instance) -> bool:
    """Stopped on purpose (by the guard or by hand), which says nothing against the machine."""
    return instance.intended == "stopped"
