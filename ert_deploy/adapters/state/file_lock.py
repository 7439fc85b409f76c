"""State file lock: an advisory lock that shows which run uses the state. It is released when the process ends.

Correctness does not depend on it. A process that holds it without its identity in the file is not `ert-deploy`; waiting
for such a process is limited.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ert_deploy.adapters.private import lock_within, open_private, reason
from ert_deploy.adapters.state.document import MAX_BYTES, read_holder, spoken, who, write_holder
from ert_deploy.core.model.errors import Busy, Failed
from ert_deploy.core.model.stored import LockHolder
from ert_deploy.ports import Clock

LOCKLESS = "this file system has no locks; keep the state on a local disk, or in S3 (`state: s3://...`)"
STRANGER = "another process holds it: find it with `fuser {0}` and stop it, or remove that file"
NAME_SECONDS = 3.0  # real time within which a run that has the lock stores its identity


class _Stranger(Failed):
    """The lock is held by a process without a known identity."""


class FileLock:
    """One lock. `path` returns the path of its file, `prepare` creates the directory."""

    def __init__(self, path: Callable[[], Path], prepare: Callable[[], None], deployment: str, clock: Clock) -> None:
        self._path = path
        self._prepare = prepare
        self._deployment = deployment
        self._clock = clock

    @contextmanager
    def held(self, run_id: str) -> Iterator[None]:
        """Hold the lock. Raise `Busy` when another run has it, `Failed` when it cannot be taken."""
        with self._locked() as file:
            _write(file, write_holder(LockHolder(who(), os.getpid(), run_id, self._clock.now())))
            try:
                yield
            finally:
                _write(file, b"")

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Lock out other runs for `seconds`, also after the end of this process. Raise `Busy` if it is locked."""
        now = self._clock.now()
        holder = LockHolder(who(), 0, run_id, now, now + seconds)
        with self._locked() as file:
            _write(file, write_holder(holder))
        return holder

    def holder(self) -> LockHolder | None:
        """Return the current `LockHolder`, or None."""
        if not os.path.lexists(self._path()):
            return None
        try:
            with self._locked():
                return None
        except _Stranger:
            return LockHolder("somebody", 0, "", 0.0)
        except Busy:
            with open_private(self._path()) as file:
                return read_holder(file.read(MAX_BYTES)) or LockHolder("somebody", 0, "", 0.0)

    def unlock(self) -> LockHolder | None:
        """Remove a lock set by `hold` and return its `LockHolder`. Raise `Busy` when a running process has the lock."""
        if not os.path.lexists(self._path()):
            return None
        with self._locked(by_hand=True) as file:
            before = self._kept(file)
            _write(file, b"")
        return before

    @contextmanager
    def _locked(self, *, by_hand: bool = False) -> Iterator[IO[bytes]]:
        """Open and lock the file. Raise `Busy` if it is locked, also by an unexpired `hold` unless `by_hand`."""
        path = self._path()
        try:
            self._prepare()
            file = open_private(path)
        except OSError as error:
            raise Failed(f"{path}: cannot be locked: {reason(error)}", hint="fix the permissions first") from error
        with file:
            self._take(file, path)
            kept = None if by_hand else self._kept(file)
            if kept is not None:
                raise self._busy(kept, "wait for it, or end it with `ert-deploy state unlock`")
            yield file

    def _take(self, file: IO[bytes], path: Path) -> None:
        try:
            if lock_within(file, 0.0):
                return
            if (holder := _run(file)) is None and lock_within(file, NAME_SECONDS):
                return
        except OSError as error:
            raise Failed(f"{path}: cannot be locked: {error.strerror}", hint=LOCKLESS) from error
        if (holder := holder or _run(file)) is None:
            raise _Stranger(f"{path}: cannot be locked: the holder is not ert-deploy", hint=STRANGER.format(path))
        raise self._busy(holder, "wait for it")

    def _busy(self, holder: LockHolder, hint: str) -> Busy:
        return Busy(f"another run works on {self._deployment}", spoken(holder, self._clock.zone), hint)

    def _kept(self, file: IO[bytes]) -> LockHolder | None:
        """Return the `LockHolder` of an unexpired `hold`. The entry of a killed run has no expiry and is ignored."""
        holder = _named(file)
        return holder if holder is not None and (holder.expires or 0.0) > self._clock.now() else None


def _run(file: IO[bytes]) -> LockHolder | None:
    """Return the run that holds the lock according to the file; None when its process no longer exists."""
    holder = _named(file)
    if holder is not None and holder.who == who() and holder.pid > 0:
        try:
            os.kill(holder.pid, 0)
        except ProcessLookupError:
            return None
        except (PermissionError, OverflowError):
            pass
    return holder


def _named(file: IO[bytes]) -> LockHolder | None:
    file.seek(0)
    return read_holder(file.read(MAX_BYTES))


def _write(file: IO[bytes], text: bytes) -> None:
    """Store the text, best effort: a full disk must not prevent the removal of resources."""
    with suppress(OSError):
        os.truncate(file.fileno(), 0)
        os.pwrite(file.fileno(), text, 0)
