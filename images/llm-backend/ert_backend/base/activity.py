"""What the app tells the guard, and the one flag the guard sets for the app. Standard library only.

Two files in the run folder. The app replaces `activity.json` at every change; the guard creates `drain`. The image puts
the run folder in memory: a rename on a disk may wait for the disk, and every stream of the app would wait with it.
Admission and going idle cannot cross: the app first writes that a report is in flight and then looks for the drain
flag, the guard first sets the flag and then reads what is in flight. Whichever comes second sees the other.

Times are boot-clock seconds, so both processes read the same scale. A file left by an earlier boot has another run id
and counts as nothing, except that a claim is remembered in a third file, `claimed`, on the instance's disk.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ert_backend.base.clock import boot_seconds

ACTIVITY, DRAIN, CLAIMED = "activity.json", "drain", "claimed"


@dataclass(frozen=True, slots=True)
class Activity:
    """One run's record: when it was claimed, became ready and last worked (boot seconds), and reports in flight."""

    run: str
    pid: int
    claimed_at: float | None = None
    ready_at: float | None = None
    work_at: float | None = None
    in_flight: int = 0


_FIELDS = tuple(field.name for field in fields(Activity))


class Ledger:
    """The app's side: what is now in `folder`, what outlives a boot on `disk`.

    A write that fails is reported through `broken` and never stops a request. `woken`: the machine served its owner
    before this process began.
    """

    def __init__(self, folder: Path, run: str, token: str, disk: Path | None = None) -> None:
        self.folder, self.token, self.disk = folder, token, disk or folder
        self.record = Activity(run=run, pid=os.getpid())
        self.woken = claimed_before(self.disk, token)
        self.broken = False
        self._write()

    def claim(self) -> None:
        """An authenticated request came: somebody owns this machine. Cheap after the first time."""
        if self.record.claimed_at is None:
            self._set(claimed_at=boot_seconds())
            self._replace(self.disk / CLAIMED, self.token)

    def ready(self) -> None:
        """The model answers for the first time in this run."""
        if self.record.ready_at is None:
            self._set(ready_at=boot_seconds())

    def begin(self) -> bool:
        """Admit one report; False when the guard has already decided to drain."""
        self._set(in_flight=self.record.in_flight + 1, work_at=boot_seconds())
        if self.draining():
            self._set(in_flight=self.record.in_flight - 1)
            return False
        return True

    def progress(self) -> None:
        """A report in flight moved on."""
        self._set(work_at=boot_seconds())

    def end(self) -> None:
        """A report left, in whatever way."""
        self._set(in_flight=max(0, self.record.in_flight - 1), work_at=boot_seconds())

    def draining(self) -> bool:
        """Whether the guard has asked this run to take no more work."""
        return drain_requested(self.folder, self.record.run)

    def idle_seconds(self) -> float:
        """Real seconds since the last work, or since the model became ready; 0 while a report is in flight."""
        since = self.record.work_at or self.record.ready_at
        return 0.0 if self.record.in_flight or since is None else max(0.0, boot_seconds() - since)

    def _set(self, **changes: float) -> None:
        self.record = replace(self.record, **changes)  # type: ignore[arg-type]
        self._write()

    def _write(self) -> None:
        self._replace(self.folder / ACTIVITY, json.dumps({name: getattr(self.record, name) for name in _FIELDS}))

    def _replace(self, path: Path, text: str) -> None:
        try:
            replace_file(path, text)
            self.broken = False
        except OSError:
            self.broken = True


def replace_file(path: Path, text: str) -> None:
    """Write so that a reader sees the old text or the new one, never a part; OSError as it comes."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def read_activity(folder: Path, run: str) -> Activity | None:
    """This run's record; None when there is none, or it is of another run, or not readable as one."""
    try:
        record = Activity(**json.loads((folder / ACTIVITY).read_text(encoding="utf-8")))
        numbers = (record.claimed_at, record.ready_at, record.work_at, record.in_flight, record.pid)
        well_formed = all(value is None or isinstance(value, int | float) for value in numbers)
    except (OSError, ValueError, TypeError):
        return None
    return record if well_formed and record.run == run else None


def claimed_before(folder: Path, token: str) -> bool:
    """Whether this instance was claimed in any boot since it was rented."""
    try:
        return (folder / CLAIMED).read_text(encoding="utf-8") == token
    except (OSError, ValueError):
        return False


def drain_requested(folder: Path, run: str) -> bool:
    """Whether the drain flag of this run is set."""
    try:
        return (folder / DRAIN).read_text(encoding="utf-8") == run
    except (OSError, ValueError):
        return False


def request_drain(folder: Path, run: str) -> None:
    """Set the flag; OSError as it comes."""
    replace_file(folder / DRAIN, run)
