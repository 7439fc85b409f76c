"""View of the guard: what the rules have to know now, from the app's record, the clock and the meter."""

from __future__ import annotations

from typing import Protocol

from ert_backend.base.board import Board
from ert_backend.base.claim import Before
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard.allowance import Meter
from ert_backend.guard.memory import LatestTimes
from ert_backend.guard.rules import View
from ert_backend.guard.settings import GuardSettings

# Real seconds without progress after which a report in flight counts as stuck; a load may be silent that long.
STUCK = 300.0
# Real seconds after which the `Activity` of a live app is out of date; it is updated every five.
SILENT = 30.0


class Seen(Protocol):
    """What the off-switch has: see `Switch`."""

    settings: GuardSettings
    clock: MoneyClock
    board: Board
    before: Before
    memory: LatestTimes
    meter: Meter
    unheard: bool
    held: dict[str, float]

    def app_alive(self, pid: int, /) -> bool:
        """Whether the app's record can be that of a live process."""


def view_of(switch: Seen) -> View:
    """Return the current state in money seconds. Without an `Activity` of the app there are no events."""
    known, record = switch.memory, switch.memory.last
    alive = record is not None and switch.app_alive(record.pid)
    # An app that cannot write to the board is neither known to be idle nor known to be unclaimed.
    silent = not switch.board.shared or (alive and record is not None and boot_seconds() - record.at > SILENT)
    switch.unheard = switch.unheard or silent
    recent = known.work_at is not None and boot_seconds() - known.work_at < STUCK
    return View(
        now=switch.clock.now(),
        before=switch.before,
        claimed_at=_money(switch, known.claimed_at),
        ready_at=_money(switch, known.ready_at),
        work_at=_money(switch, known.work_at),
        in_flight=record.in_flight if record is not None and alive else 0,
        moving=alive and recent and not silent,
        silent=silent,
        unheard=switch.unheard,
        held=switch.held,
        allowance=switch.meter.seen(switch.settings.drain_cap),
    )


def _money(switch: Seen, boot: float | None) -> float | None:
    return None if boot is None else switch.clock.at(boot)
