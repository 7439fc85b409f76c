"""Boot of a machine as a line: which step it is, how much of it is done, how fast, and how long it still takes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from ert_deploy.core.launching.progress import NAMES, shown_stage
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.events import Booting
from ert_deploy.core.model.observed import Health
from ert_deploy.core.model.provider import InstanceId

STEPS = len(NAMES)
MB, GB = 1e6, 1e9
FULL = 100
SHORT = 90.0  # seconds; what takes longer is told in minutes
SOON = 5.0  # seconds of observation before a rate is worth something
_UNITS = {"B": 1.0, "kB": 1e3, "MB": MB, "GB": GB}
# As Docker writes it: "3b65ec22a9e9: Downloading 114.7MB/4000.0MB (2.9%)".
_LAYER = re.compile(
    r"(?P<layer>[0-9a-f]{6,64}): .*?(?P<done>[0-9.]{1,12})(?P<u>[kMG]?B)/(?P<all>[0-9.]{1,12})(?P<v>[kMG]?B)"
)


@dataclass(slots=True)
class Boots:
    """What was seen of each download, to tell its rate: bytes and seconds at its first sight; and what was stopped."""

    _first: dict[tuple[InstanceId, str], tuple[float, float]] = field(default_factory=dict)
    _stopped: set[InstanceId] = field(default_factory=set)

    def line(self, event: Booting) -> str:
        """Return the line of a booting instance."""
        stage = self._stage(event)
        what = NAMES[stage]
        if said := _said(event, stage):
            what += f" ({said})"
        if (seen := _bytes(event, stage)) is not None:
            what += self._rate(event, *seen)
        return f"booting {event.elapsed:.0f} s, step {stage + 1} of {STEPS}: {what}"

    def _stage(self, event: Booting) -> LaunchStage:
        """Return its stage. One whose disk has the image starts at once, unless its layers are pulled all the same."""
        stage = min(shown_stage(event.instance, event.health), LaunchStage.LOAD)
        if event.instance.ended:
            self._stopped.add(event.instance.id)
        elif stage is LaunchStage.PULL and event.instance.id in self._stopped and not event.instance.message.text:
            return LaunchStage.BOOT
        return stage

    def _rate(self, event: Booting, name: str, done: float, total: float) -> str:
        """Return rate and time left, once it has moved for a while."""
        began, before = self._first.setdefault((event.instance.id, name), (event.elapsed, done))
        seconds, moved = event.elapsed - began, done - before
        if seconds < SOON or moved <= 0 or done > total:
            return ""
        return f", {moved / seconds / MB:.1f} MB/s, about {_spoken((total - done) * seconds / moved)} left"


def _said(event: Booting, stage: LaunchStage) -> str:
    health = event.health
    if stage is LaunchStage.DOWNLOAD and health is not None and health.total:
        return _amount(health)
    if health is not None and health.phase:
        return health.detail or (_amount(health) if health.total else "")
    return event.instance.message.text or event.instance.status or ""


def _amount(health: Health) -> str:
    percent = health.completed * FULL // health.total
    return f"{percent}%, {health.completed / GB:.2f} of {health.total / GB:.2f} GB"


def _bytes(event: Booting, stage: LaunchStage) -> tuple[str, float, float] | None:
    """Return what is downloaded, how much of it is there, and how much it is; None if that is not told."""
    if stage is LaunchStage.DOWNLOAD and event.health is not None and event.health.total:
        return "model", float(event.health.completed), float(event.health.total)
    found = _LAYER.search(event.instance.message.text) if stage is LaunchStage.PULL else None
    try:
        return found and (
            found["layer"],
            float(found["done"]) * _UNITS[found["u"]],
            float(found["all"]) * _UNITS[found["v"]],
        )
    except ValueError:  # "1.2.3": a host writes what it likes
        return None


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < SHORT else f"{math.ceil(seconds / 60)} min"
