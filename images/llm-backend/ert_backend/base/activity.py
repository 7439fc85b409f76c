"""Activity ledger: the app's and the guard's status for each other, on their shared board. Standard library only.

The app writes its half at every change and every few seconds; the guard writes whether it is about to stop the machine.
Admission and the idle stop cannot miss each other: the app first records that a report is in flight and then reads the
drain flag, and the guard first sets the flag and then reads the number in flight. The later of the two always sees the
earlier.

Times are boot-clock seconds, so that both processes read the same scale. A record of another run is ignored; a claim of
the machine is also kept on the instance's disk (`base.claim`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ert_backend.base.allowance import Grant
from ert_backend.base.board import Board, Half
from ert_backend.base.claim import Before, Claim
from ert_backend.base.clock import boot_seconds
from ert_backend.base.limits import Limits, keep_limits, kept_limits

# Real seconds between two heartbeats of an idle app.
BEAT = 5.0


@dataclass(frozen=True, slots=True)
class Activity:
    """The app's record of this run: `at` is the time of the last update; times in boot seconds, None for not yet.

    `engine_owes` is the time since which the engine has had a request open, `engine_heard` the time of its last token;
    `claim_kept` is whether the claim is on the disk. The limits are those that the owner set while the machine runs,
    None where those of the environment hold; so is the budget, which the guard keeps. With each of `word_keys` it signs
    its last message to the apps, which names the SHA-256 of the `certificate`; in hex, empty if not known.
    """

    run: str
    pid: int
    at: float = 0.0
    claimed_at: float | None = None
    ready_at: float | None = None
    work_at: float | None = None
    in_flight: int = 0
    engine_owes: float | None = None
    engine_heard: float | None = None
    claim_kept: bool = False
    idle_stop: int | None = None
    boot_deadline: int | None = None
    max_lifetime: int | None = None
    grant_seconds: int | None = None
    grant_serial: int | None = None
    word_keys: str = field(default="", repr=False)
    certificate: str = ""

    def grant(self) -> Grant | None:
        """Return the budget that the owner set while the machine runs; None when there is none."""
        try:
            return Grant(self.grant_seconds, self.grant_serial)  # type: ignore[arg-type]
        except ValueError:
            return None

    def limits(self) -> Limits | None:
        """Return the limits that the owner set; None when there are none or they cannot be used."""
        try:
            return Limits(self.idle_stop, self.boot_deadline, self.max_lifetime)  # type: ignore[arg-type]
        except ValueError:
            return None


class OffSwitch(StrEnum):
    """Whether the provider would accept the guard's order to stop this machine, as far as that was tested."""

    PROVEN = "proven"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GuardWord:
    """The guard's record: `drain` means that no new work is admitted; `engine_restarts` is a counter.

    `engine_sick` means that restarting the engine did not help.
    """

    run: str
    drain: bool = False
    off_switch: OffSwitch = OffSwitch.UNKNOWN
    engine_restarts: int = 0
    engine_sick: bool = False


class Ledger:
    """The app's side of the board, and its claim on the disk.

    `woken` is whether the machine served its owner before this process started. Without a guard the board is local to
    this process, and `drain` is never set.
    """

    def __init__(self, board: Board, run: str, token: str, disk: Path, certificate: str = "") -> None:
        self.board, self.disk_record = board, Claim(disk, token)
        self.woken = self.disk_record.before() is Before.CLAIMED
        self.record = Activity(run=run, pid=os.getpid(), claim_kept=self.woken, certificate=certificate)
        kept = kept_limits(disk, token)
        self._set(**_fields(kept) if kept is not None else {})

    def claim(self, word_keys: str = "") -> None:
        """Mark the machine as claimed, on an authenticated request. Cheap once the claim is on the disk."""
        if self.record.claimed_at is None:
            self._set(claimed_at=boot_seconds())
        self.sign(word_keys)
        if not self.record.claim_kept and self.disk_record.keep():
            self._set(claim_kept=True)

    def sign(self, word_keys: str) -> None:
        """Have the guard sign its last message with these keys, with spaces between them, and with no others."""
        if word_keys != self.record.word_keys:
            self._set(word_keys=word_keys)

    def limit(self, limits: Limits) -> None:
        """Store new limits and pass them to the guard. Raise OSError, without any change, when the disk fails."""
        keep_limits(self.disk_record.disk, self.disk_record.token, limits)
        self._set(**_fields(limits))

    def used(self, limits: Limits) -> bool:
        """Begin the idle time again, as the owner keeps the machine up; return whether it has these limits."""
        self.progress()
        return limits == self.record.limits()

    def grant(self, grant: Grant) -> None:
        """Pass a new budget to the guard, which keeps it."""
        self._set(grant_seconds=grant.seconds, grant_serial=grant.serial)

    def ready(self) -> None:
        """Record that the model is ready for the first time in this run."""
        if self.record.ready_at is None:
            self._set(ready_at=boot_seconds())

    def begin(self) -> bool:
        """Admit one report; False when the guard has decided to drain. A rejected report does not count as work."""
        self._set(in_flight=self.record.in_flight + 1)
        if self.draining():
            self._set(in_flight=self.record.in_flight - 1)
            return False
        self._set(work_at=boot_seconds())
        return True

    def progress(self) -> None:
        """Record progress of a report in flight."""
        self._set(work_at=boot_seconds())

    def end(self) -> None:
        """Record the end of a report, for any reason."""
        self._set(in_flight=max(0, self.record.in_flight - 1), work_at=boot_seconds())

    def beat(self, engine_owes: float | None = None, engine_heard: float | None = None) -> None:
        """Record a heartbeat of this process, with the state of the engine."""
        self._set(engine_owes=engine_owes, engine_heard=engine_heard)

    def draining(self) -> bool:
        """Whether the guard admits no more work in this run."""
        return self.guard().drain

    def guard(self) -> GuardWord:
        """Return the guard's record of this run, or the defaults when there is none."""
        return read_guard(self.board, self.record.run) or GuardWord(self.record.run)

    @property
    def unkept(self) -> bool:
        """Whether the machine is claimed but the claim is not on its disk."""
        return self.record.claimed_at is not None and not self.record.claim_kept

    def idle_seconds(self) -> float:
        """Return the real seconds since the last work, or since the model was ready; 0 while a report is in flight."""
        since = self.record.work_at or self.record.ready_at
        return 0.0 if self.record.in_flight or since is None else max(0.0, boot_seconds() - since)

    def _set(self, **changes: float | str | None) -> None:
        self.record = replace(self.record, **changes)  # type: ignore[arg-type]
        self._write()

    def _write(self) -> None:
        self.record = replace(self.record, at=boot_seconds())
        write_activity(self.board, self.record)


def _fields(limits: Limits) -> dict[str, float | None]:
    return {name: value for name, value in asdict(limits).items()}


def write_activity(board: Board, record: Activity) -> None:
    """Write the app's half. If that fails the old record remains, and the guard detects it by its age."""
    _write(board, Half.APP, record)


def read_activity(board: Board, run: str) -> Activity | None:
    """Return the app's record of this run; None when it is missing, invalid, or of another run."""
    return _word(board.read(Half.APP), Activity, run)


def write_guard(board: Board, word: GuardWord) -> None:
    """Write the guard's half."""
    _write(board, Half.GUARD, word)


def read_guard(board: Board, run: str) -> GuardWord | None:
    """Return the guard's record of this run; None as in `read_activity`."""
    return _word(board.read(Half.GUARD), GuardWord, run)


def _write(board: Board, half: Half, word: Activity | GuardWord) -> None:
    try:
        board.write(half, {name: getattr(word, name) for name in _NAMES[type(word)]})
    except (OSError, ValueError):
        return


Word = TypeVar("Word", Activity, GuardWord)
_NAMES: dict[type, frozenset[str]] = {
    kind: frozenset(one.name for one in fields(kind)) for kind in (Activity, GuardWord)
}
_HEX = ("word_keys", "certificate")
_TEXTS = ("run", "off_switch", *_HEX)


def _word(given: Mapping[str, Any] | None, kind: type[Word], run: str) -> Word | None:
    if given is None or given.get("run") != run:
        return None
    if given.keys() != _NAMES[kind]:
        return None
    values = {name: value for name, value in given.items() if name not in _TEXTS}
    if not all(value is None or isinstance(value, int | float) for value in values.values()):
        return None
    values |= {name: text for name in _HEX if isinstance(text := given.get(name), str)}
    if "off_switch" in given:
        values["off_switch"] = _off_switch(given["off_switch"])
    return kind(run=run, **values)


def _off_switch(said: object) -> OffSwitch:
    return next((state for state in OffSwitch if state.value == said), OffSwitch.UNKNOWN)
