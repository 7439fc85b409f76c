"""What the app tells the guard and the guard the app, over the board that both share. Standard library only.

The app writes its half at every change and every few seconds; the guard writes whether it is about to stop the machine.
Admission and going idle cannot cross: the app first writes that a report is in flight and then looks for the drain
flag, the guard first sets the flag and then reads what is in flight. Whichever comes second sees the other.

Times are boot-clock seconds, so both processes read the same scale. A word of another run counts as nothing; that the
machine was ever claimed is remembered on the instance's disk (`base.claim`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ert_backend.base.board import Board, Half
from ert_backend.base.claim import Before, Claim
from ert_backend.base.clock import boot_seconds

# Real seconds between two words of an app that has nothing new to say.
BEAT = 5.0


@dataclass(frozen=True, slots=True)
class Activity:
    """The app's word: when it was last said, and what has happened in this run; boot seconds, None for not yet.

    `engine_owes`: since when the engine owes an answer; `engine_heard`: when a token last came; `claim_kept`: the disk
    has taken the claim.
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


class OffSwitch(StrEnum):
    """Whether the provider would take the order to stop this machine, as far as it was asked."""

    PROVEN = "proven"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GuardWord:
    """The guard's word: `drain` asks for no more work; `engine_restarts` counts how often it restarted the engine.

    `engine_sick`: restarting did not help.
    """

    run: str
    drain: bool = False
    off_switch: OffSwitch = OffSwitch.UNKNOWN
    engine_restarts: int = 0
    engine_sick: bool = False


class Ledger:
    """The app's side of the board, and its claim on the disk.

    `woken`: the machine served its owner before this process began. Without a guard the board is this process' own, and
    nobody asks it to drain.
    """

    def __init__(self, board: Board, run: str, token: str, disk: Path) -> None:
        self.board, self.disk_record = board, Claim(disk, token)
        self.woken = self.disk_record.before() is Before.CLAIMED
        self.record = Activity(run=run, pid=os.getpid(), claim_kept=self.woken)
        self._write()

    def claim(self) -> None:
        """An authenticated request came: somebody owns this machine. Cheap once the disk has taken it."""
        if self.record.claimed_at is None:
            self._set(claimed_at=boot_seconds())
        if not self.record.claim_kept and self.disk_record.keep():
            self._set(claim_kept=True)

    def ready(self) -> None:
        """The model answers for the first time in this run."""
        if self.record.ready_at is None:
            self._set(ready_at=boot_seconds())

    def begin(self) -> bool:
        """Admit one report; False when the guard has already decided to drain. One that is refused is no work."""
        self._set(in_flight=self.record.in_flight + 1)
        if self.draining():
            self._set(in_flight=self.record.in_flight - 1)
            return False
        self._set(work_at=boot_seconds())
        return True

    def progress(self) -> None:
        """A report in flight moved on."""
        self._set(work_at=boot_seconds())

    def end(self) -> None:
        """A report left, in whatever way."""
        self._set(in_flight=max(0, self.record.in_flight - 1), work_at=boot_seconds())

    def beat(self, engine_owes: float | None = None, engine_heard: float | None = None) -> None:
        """Say that this process is alive, and how the engine is doing."""
        self._set(engine_owes=engine_owes, engine_heard=engine_heard)

    def draining(self) -> bool:
        """Whether the guard has asked this run to take no more work."""
        return self.guard().drain

    def guard(self) -> GuardWord:
        """What the guard says of this run; nothing where there is none."""
        return read_guard(self.board, self.record.run) or GuardWord(self.record.run)

    @property
    def unkept(self) -> bool:
        """Whether the machine is claimed and its disk does not say so."""
        return self.record.claimed_at is not None and not self.record.claim_kept

    def idle_seconds(self) -> float:
        """Real seconds since the last work, or since the model became ready; 0 while a report is in flight."""
        since = self.record.work_at or self.record.ready_at
        return 0.0 if self.record.in_flight or since is None else max(0.0, boot_seconds() - since)

    def _set(self, **changes: float | None) -> None:
        self.record = replace(self.record, **changes)  # type: ignore[arg-type]
        self._write()

    def _write(self) -> None:
        self.record = replace(self.record, at=boot_seconds())
        write_activity(self.board, self.record)


def write_activity(board: Board, record: Activity) -> None:
    """The app's half. A board that does not take it leaves an old word there, which the guard knows by its age."""
    _write(board, Half.APP, record)


def read_activity(board: Board, run: str) -> Activity | None:
    """This run's word; None when there is none, or it is of another run, or not readable as one."""
    return _word(board.read(Half.APP), Activity, run)


def write_guard(board: Board, word: GuardWord) -> None:
    """The guard's half."""
    _write(board, Half.GUARD, word)


def read_guard(board: Board, run: str) -> GuardWord | None:
    """The guard's word for this run."""
    return _word(board.read(Half.GUARD), GuardWord, run)


def _write(board: Board, half: Half, word: Activity | GuardWord) -> None:
    try:
        board.write(half, {name: getattr(word, name) for name in _NAMES[type(word)]})
    except (OSError, ValueError):
        return


Word = TypeVar("Word", Activity, GuardWord)
_NAMES: dict[type, frozenset[str]] = {
    kind: frozenset(field.name for field in fields(kind)) for kind in (Activity, GuardWord)
}
_TEXTS = ("run", "off_switch")


def _word(given: Mapping[str, Any] | None, kind: type[Word], run: str) -> Word | None:
    if given is None or given.get("run") != run:
        return None
    if given.keys() != _NAMES[kind]:
        return None
    values = {name: value for name, value in given.items() if name not in _TEXTS}
    if not all(value is None or isinstance(value, int | float) for value in values.values()):
        return None
    if "off_switch" in given:
        values["off_switch"] = _off_switch(given["off_switch"])
    return kind(run=run, **values)


def _off_switch(said: object) -> OffSwitch:
    return next((state for state in OffSwitch if state.value == said), OffSwitch.UNKNOWN)
