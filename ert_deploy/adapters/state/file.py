"""State file: stores the state in a local file, atomically and with a checksum.

A write takes a file lock, checks the generation, creates a temporary file in the same directory, syncs it, renames it
over the old one and syncs the directory. The checksum covers the serialized state. If the path is a symlink, all of
this is done next to its target, so that processes which use different links share one lock. A link is only followed to
a state of `ert-deploy` or to a `.json` file that does not exist yet.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ert_deploy.adapters.private import (
    Notice,
    keep_out_of_git,
    lock_within,
    make_folder,
    must_be_private,
    open_private,
    read_private,
    reason,
    replace_durably,
    sync_folder,
    to_stderr,
)
from ert_deploy.adapters.state.document import MAX_BYTES, decode, encode, signed_events
from ert_deploy.adapters.state.file_lock import LOCKLESS, STRANGER, FileLock
from ert_deploy.adapters.state.signature import NO_KEY, StateKeys
from ert_deploy.core.model.errors import Failed, StateConflict, UsageError
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
EFFECTIVE = os.access in os.supports_effective_ids
WRITE_SECONDS = 15.0  # real time; saving takes much less, and only `ert-deploy` uses this lock
_OURS = re.compile(rb'"format"\s*:\s*"ert-deploy state"')


class StateFile:
    """State of one deployment at `path`; its directory is created if needed, mode 0700. `sync` is `os.fsync`.

    `notice` is called when permissions of other users to change a directory or file were removed. `keys` sign the
    state.
    """

    def __init__(
        self,
        path: Path,
        deployment: str,
        clock: Clock,
        sync: Callable[[int], None] = os.fsync,
        *,
        notice: Notice = to_stderr,
        keys: StateKeys = NO_KEY,
    ) -> None:
        self.path = path
        self.deployment = deployment
        self._clock = clock
        self._sync = sync
        self._notice = notice
        self._keys = keys
        self._lock = FileLock(lambda: self._beside("lock"), self._make_folder, deployment, clock)

    @property
    def where(self) -> str:
        """The path as text."""
        return str(self.path)

    def load(self) -> State:
        """Return the stored state, or an empty one without a file. Raise `Damaged` or `UsageError`."""
        raw = self._read()
        return State(self.deployment) if raw is None else decode(raw, self.where, self.deployment, self._keys)

    def save(self, state: State) -> State:
        """Save `state` durably with the next `generation`.

        Raises `StateConflict` when the stored `generation` is not the one of `state`, `Failed` when it cannot be
        stored.
        """
        written = replace(signed_events(state), generation=state.generation + 1)
        try:
            with self._exclusive():
                stored = self.load().generation
                if stored != state.generation:
                    raise StateConflict(f"{self.path} is at generation {stored}, we read {state.generation}")
                replace_durably(self._real, encode(written, self._keys), self._sync)
        except OSError as error:
            raise self._unwritable(error) from error
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """Hold the advisory lock; the operating system releases it when the process ends. Raise `Busy` or `Failed`."""
        with self._lock.held(run_id):
            yield

    def unwritable(self) -> str:
        """Return which permission is missing for a write; empty if none is."""
        folder = next(path for path in (self._real.parent, *self._real.parent.parents) if path.exists())
        files = [path for path in map(self._beside, ("lock", "cas")) if path.exists()]
        shut = [path for path in (folder, *files) if not os.access(path, os.W_OK, effective_ids=EFFECTIVE)]
        return f"{self.path}: cannot be written: {printable(shut[0])} is read-only for this user" if shut else ""

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Lock out other runs for `seconds`, also after the end of this process. Raise `Busy` if it is locked."""
        return self._lock.hold(run_id, seconds)

    def holder(self) -> LockHolder | None:
        """Return the current `LockHolder`, or None."""
        return self._lock.holder()

    def unlock(self) -> LockHolder | None:
        """Remove a lock set by `hold` and return its `LockHolder`. Raise `Busy` when a running process has the lock."""
        return self._lock.unlock()

    def set_aside(self) -> str:
        """Rename the stored state, valid or not, and return its new path; empty if there is no file.

        Raises `Failed` when it cannot be renamed, `UsageError` when it cannot be read.
        """
        aside = self._beside(f"aside-{int(self._clock.now())}")
        try:
            with self._exclusive():
                self._read()
                if aside.exists():
                    raise Failed(f"{aside} is in the way", hint="run it again")
                self._real.rename(aside)
                self._sync_folder(aside.parent)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._unwritable(error) from error
        return str(aside)

    def history(self) -> tuple[StoredVersion, ...]:
        """Return the current file and those that were set aside, newest first: a file has no earlier versions."""
        real = self._real
        found = [*real.parent.glob(f"{real.name}.aside-*"), *([real] if real.is_file() else [])]
        about = ((path, path.stat()) for path in found)
        versions = (
            StoredVersion(str(path), seen.st_mtime, seen.st_size, "current" if path == real else "set aside")
            for path, seen in about
        )
        return tuple(sorted(versions, key=lambda v: -v.at))

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self._make_folder()
        path = self._beside("cas")
        with open_private(path) as file:
            if not lock_within(file, WRITE_SECONDS):
                raise Failed(f"{path}: is held for {WRITE_SECONDS:.0f} s and more", hint=STRANGER.format(path))
            yield

    def _make_folder(self) -> None:
        """Create the directory, sync it and make it private. The target of a link is not created."""
        self._must_lead_somewhere()
        folder = self._real.parent
        make_folder(folder, self._sync_folder)
        must_be_private(folder, self._notice)
        keep_out_of_git(folder)

    def _read(self) -> bytes | None:
        """Return the content up to one byte more than the maximum size; None without a file. Raise `UsageError`."""
        real = self._real
        try:
            must_be_private(real.parent, self._notice)
            raw = read_private(real, MAX_BYTES + 1, self._notice)
        except FileNotFoundError:
            self._must_lead_somewhere()
            return None
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {reason(error)}") from error
        if self.path.is_symlink() and not _OURS.search(raw[:512]):
            raise self._astray(f"{printable(real)}, which is not a state of ert-deploy")
        return raw

    def _sync_folder(self, path: Path) -> None:
        sync_folder(path, self._sync)

    @property
    def _real(self) -> Path:
        """The path with symlinks resolved."""
        return Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path

    def _must_lead_somewhere(self) -> None:
        """Reject a link into a directory that does not exist: its disk is probably not mounted."""
        real = self._real
        if not self.path.is_symlink():
            return
        if not real.parent.exists():
            raise UsageError(
                f"{self.path}: is a link into {printable(real.parent)}, which does not exist",
                hint="mount or make that folder, or remove the link to begin with an empty state",
            )
        if real.suffix != ".json" and not real.exists():
            raise self._astray(f"{printable(real)}, which does not exist and is no .json")

    def _astray(self, where: str) -> UsageError:
        return UsageError(
            f"{self.path}: is a link to {where}: no file was changed there",
            hint="was the link part of a repository? Remove it to start with an empty state",
        )

    def _unwritable(self, error: OSError) -> Failed:
        lockless = error.errno in NO_LOCKS
        return Failed(
            f"{self.path}: cannot be written: {reason(error)}",
            hint=LOCKLESS
            if lockless
            else "the run stopped before its next step; free space or fix the permissions and run it again",
        )

    def _beside(self, what: str) -> Path:
        """Return the path of an auxiliary file next to the state file."""
        real = self._real
        return real.with_name(f"{real.name}.{what}")
