"""Private files: mode 0600 with any umask, no symlinks, a directory only the user may change, bounded locks.

The contents of a working directory may come from a cloned repository, so no file name in it is trusted: a symlink in
place of a private file is an error, and only a regular file of this user is opened.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from ert_deploy.adapters.clock import RealClock
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.text import printable

PRIVATE = 0o600
FOLDER = 0o700
OTHERS_WRITE = 0o022
PAUSE = 0.05
_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ELSEWHERE = "run as its owner, or keep the state in a folder that only you may write (`state` in the config)"

Notice = Callable[[str], None]


def to_stderr(text: str) -> None:
    """Print a notice the way every command does."""
    sys.stderr.write(f"note: {text}\n")


def must_be_private(folder: Path, notice: Notice) -> None:
    """Raise `UsageError` if other users may change the directory; fix the mode of one of our own, with a notice.

    Such users could replace any file in it. Raises `OSError` when it cannot be read.
    """
    about = folder.stat()
    if about.st_uid not in (os.geteuid(), 0):
        raise UsageError(f"{printable(folder)}: belongs to another user, who can write the state", hint=_ELSEWHERE)
    if not about.st_mode & OTHERS_WRITE:
        return
    with suppress(OSError):
        if about.st_uid == os.geteuid() and not about.st_mode & stat.S_ISVTX:
            folder.chmod(stat.S_IMODE(about.st_mode) & ~OTHERS_WRITE)
    now = folder.stat().st_mode
    if now & OTHERS_WRITE:
        raise UsageError(
            f"{printable(folder)}: others may write this folder (mode {stat.S_IMODE(now):04o}), and with it the state",
            hint=f"chmod go-w {printable(folder)}, or keep the state in a folder of its own (`state` in the config)",
        )
    notice(f"{printable(folder)}: others may no longer write this folder (mode {stat.S_IMODE(now):04o})")


def make_folder(folder: Path, sync: Callable[[Path], None]) -> None:
    """Create the directory and its parents, mode 0700, and sync each new entry to disk. Raise `OSError`."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # another run has just created it
            one.mkdir(mode=FOLDER)
            one.chmod(FOLDER)  # mkdir applies the umask
    for one in missing:
        sync(one.parent)


def open_private(path: Path) -> IO[bytes]:
    """Open a private file for reading and writing, creating it if needed.

    Raises `OSError`, also for a symlink or anything else than a regular file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _PLAIN, PRIVATE)
    try:
        _must_be_plain(os.fstat(descriptor))
        os.fchmod(descriptor, PRIVATE)
        return os.fdopen(descriptor, "r+b", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def new_private(path: Path) -> IO[bytes]:
    """Create an empty file, replacing any existing one. Raise `OSError`."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, PRIVATE)
    os.fchmod(descriptor, PRIVATE)
    return os.fdopen(descriptor, "wb")


def replace_durably(path: Path, content: bytes, sync: Callable[[int], None]) -> None:
    """Replace a private file as a whole, so that a crash leaves the old or the new content. `sync` is `os.fsync`."""
    temporary = path.with_name(f"{path.name}.tmp")
    with new_private(temporary) as file:
        file.write(content)
        file.flush()
        sync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent, sync)


def sync_folder(path: Path, sync: Callable[[int], None]) -> None:
    """Have the entries of a directory on the disk."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(folder)
    finally:
        os.close(folder)


def read_private(path: Path, most: int, notice: Notice) -> bytes:
    """Return the first `most` bytes of a regular file; remove other users' permission to change it, with a notice.

    The file is opened without blocking and checked before it is read: a pipe would wait forever for a writer. Raises
    `OSError` when it cannot be read or is not a regular file of this user.
    """
    descriptor = os.open(path, os.O_RDONLY | _PLAIN)
    try:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _must_be_plain(about, alone=False)
        if about.st_mode & OTHERS_WRITE:
            os.fchmod(descriptor, PRIVATE)
            notice(f"{printable(path)}: others may no longer write it; check its contents")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def lock_within(file: IO[bytes], seconds: float) -> bool:
    """Lock the file exclusively; return False if another process holds the lock for that many real seconds.

    Raises `OSError` when the file system does not support locks.
    """
    clock = RealClock()
    until = clock.steady() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.steady() >= until:
                return False
            clock.sleep(PAUSE)
        else:
            return True


def reason(error: OSError) -> str:
    """Return the reason why a file cannot be used, for a message."""
    if error.errno == errno.ELOOP:
        return f"{printable(error.filename)} is a symbolic link" if error.filename else "it is a symbolic link"
    return error.strerror or "unknown reason"


def _must_be_plain(about: os.stat_result, *, alone: bool = True) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file")
    if about.st_uid not in (os.geteuid(), 0):
        raise OSError(errno.EPERM, "it belongs to another user")
    if alone and about.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has another name somewhere, which is not to be written")


def keep_out_of_git(folder: Path) -> None:
    """Create a `.gitignore` in the directory `.ert`; an existing one, or a failure, is ignored."""
    if folder.name != ".ert" or folder.is_symlink():
        return
    with suppress(OSError):
        descriptor = os.open(folder / ".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, PRIVATE)
            file.write(b"*\n")
