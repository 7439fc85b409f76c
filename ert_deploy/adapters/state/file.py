"""State in a local file: old or new after any crash, and every flipped bit found.

A write takes a file lock, compares the generation, writes a temporary file in the same folder, syncs it, renames it
over the old one and syncs the folder. The checksum covers the state as it is stored. Where the path is a symbolic link,
all of that happens next to the file it leads to, so that everybody who comes by a link of their own meets at one lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from ert_deploy.adapters.state.document import MAX_BYTES, decode, encode, read_holder, spoken, who, write_holder
from ert_deploy.adapters.state.signature import NO_KEY, StateKeys
from ert_deploy.core.model.errors import Busy, Failed, StateConflict, UsageError
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
LOCKLESS = "this file system gives no locks; keep the state on a local disk, or in S3 (`state: s3://...`)"


class StateFile:
    """One deployment's state at `path`; the folder is made when needed, mode 0700. `sync` is `os.fsync`."""

    def __init__(
        self,
        path: Path,
        deployment: str,
        clock: Clock,
        sync: Callable[[int], None] = os.fsync,
        *,
        keys: StateKeys = NO_KEY,
    ) -> None:
        self.path = path
        self.deployment = deployment
        self._clock = clock
        self._sync = sync
        self._keys = keys

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    def load(self) -> State:
        """The stored state; generation 0 and empty when there is no file. Damaged or UsageError when it is no good."""
        try:
            raw = _read(self._real)
        except FileNotFoundError:
            self._must_lead_somewhere()
            return State(self.deployment)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from error
        return decode(raw, self.where, self.deployment, self._keys)

    def save(self, state: State) -> State:
        """Durably write `state` one generation higher, if the stored generation is still its own."""
        written = replace(state, generation=state.generation + 1)
        try:
            with self._exclusive():
                stored = self.load().generation
                if stored != state.generation:
                    raise StateConflict(f"{self.path} is at generation {stored}, we read {state.generation}")
                self._replace(written)
        except OSError as error:
            raise self._unwritable(error) from error
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """Hold the courtesy lock; it falls by itself when the process ends, however it ends."""
        with self._locked() as file:
            holder = LockHolder(who(), os.getpid(), run_id, self._clock.now())
            _write(file, write_holder(holder))
            try:
                yield
            finally:
                _write(file, b"")

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Keep everybody out for that long, also after this process has ended. Busy when somebody holds it."""
        now = self._clock.now()
        holder = LockHolder(who(), 0, run_id, now, now + seconds)
        with self._locked() as file:
            _write(file, write_holder(holder))
        return holder

    def holder(self) -> LockHolder | None:
        """Who holds the lock now."""
        if not self._beside("lock").exists():
            return None
        try:
            with self._locked():
                return None
        except Busy:
            return read_holder(self._beside("lock").read_bytes()) or LockHolder("somebody", 0, "", 0.0)

    def unlock(self) -> LockHolder | None:
        """End what `hold` began; whom it kept out. Busy when a living process holds the lock: only its end frees it."""
        if not self._beside("lock").exists():
            return None
        with self._locked(held=True) as file:
            before = self._kept(file)
            _write(file, b"")
        return before

    def set_aside(self) -> str:
        """Move what is stored out of the way, whatever it is; where it is now, or nothing when there was none."""
        aside = self._beside(f"aside-{int(self._clock.now())}")
        try:
            with self._exclusive():
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
        """The file and those that were set aside, newest first: a file keeps no earlier versions."""
        real = self._real
        found = [*real.parent.glob(f"{real.name}.aside-*"), *([real] if real.is_file() else [])]
        about = ((path, path.stat()) for path in found)
        versions = (
            StoredVersion(str(path), seen.st_mtime, seen.st_size, "current" if path == real else "set aside")
            for path, seen in about
        )
        return tuple(sorted(versions, key=lambda v: -v.at))

    @contextmanager
    def _locked(self, *, held: bool = False) -> Iterator[IO[bytes]]:
        """The lock file, ours alone. Busy when it is not, or (unless `held`) when somebody asked to be left alone."""
        path = self._beside("lock")
        try:
            self._make_folder()
            file = path.open("a+b")
        except OSError as error:
            raise Failed(f"{path}: cannot be locked: {error.strerror}", hint="mend the permissions first") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._busy(read_holder(path.read_bytes()), "wait for it") from None
            except OSError as error:
                raise Failed(f"{path}: cannot be locked: {error.strerror}", hint=LOCKLESS) from error
            kept = None if held else self._kept(file)
            if kept is not None:
                raise self._busy(kept, "wait for it, or end it with `ert-deploy state unlock`")
            yield file

    def _busy(self, holder: LockHolder | None, hint: str) -> Busy:
        return Busy(f"another run works on {self.deployment}", spoken(holder), hint)

    def _kept(self, file: IO[bytes]) -> LockHolder | None:
        """Who asked to be left alone, and still does. What a killed run left behind asks for nothing."""
        file.seek(0)
        holder = read_holder(file.read(MAX_BYTES))
        return holder if holder is not None and (holder.expires or 0.0) > self._clock.now() else None

    def _replace(self, state: State) -> None:
        temporary = self._beside("tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode(state, self._keys))
            file.flush()
            self._sync(file.fileno())
        temporary.replace(self._real)
        self._sync_folder(temporary.parent)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self._make_folder()
        with self._beside("cas").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_folder(self) -> None:
        """The folder of the file, and an entry for each new one that outlives a crash. Not what a link leads to."""
        self._must_lead_somewhere()
        folder = self._real.parent
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in missing:
            self._sync_folder(one.parent)

    def _sync_folder(self, path: Path) -> None:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._sync(folder)
        finally:
            os.close(folder)

    @property
    def _real(self) -> Path:
        """The file itself, where the path is a link to it."""
        return Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path

    def _must_lead_somewhere(self) -> None:
        """A link into a folder that is not there is a disk that is not mounted sooner than a state to begin."""
        folder = self._real.parent
        if self.path.is_symlink() and not folder.exists():
            raise UsageError(
                f"{self.path}: is a link into {printable(folder)}, which does not exist",
                hint="mount or make that folder, or remove the link to begin with an empty state",
            )

    def _unwritable(self, error: OSError) -> Failed:
        lockless = error.errno in NO_LOCKS
        return Failed(
            f"{self.path}: cannot be written: {error.strerror}",
            hint=LOCKLESS
            if lockless
            else "the run stopped before its next step; make room or mend the permissions and run it again",
        )

    def _beside(self, what: str) -> Path:
        """A file of ours next to the state, whatever the state itself is called."""
        real = self._real
        return real.with_name(f"{real.name}.{what}")


def _read(path: Path) -> bytes:
    """What stands in a regular file, one byte more than a state may have at most. OSError as it comes.

    Opened without blocking and looked at before it is read: a pipe would keep us waiting for a writer for ever.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _write(file: IO[bytes], text: bytes) -> None:
    """Best effort: a full disk must not keep anybody from taking things away."""
    with suppress(OSError):
        os.truncate(file.fileno(), 0)
        os.write(file.fileno(), text)
