"""Regular files: loads one, or reports briefly why it cannot.

The file is opened without blocking and then checked, so that a FIFO, a device or a directory is reported instead of
read, and so that the checked permissions are those of the file that was read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_REASONS = {
    errno.EACCES: "it may not be read (permission denied)",
    errno.EPERM: "it may not be read (permission denied)",
    errno.ELOOP: "it is a symbolic link to itself",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENXIO: "it is a socket or a device without a driver",
}


class Unreadable(Exception):
    """The file cannot be read; the message has the reason but not the path."""


def read_plain(path: Path, most: int) -> tuple[os.stat_result, bytes]:
    """Return the status of `path` and its first `most` bytes. Raise `Unreadable`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(_reason(path, error)) from None
    except ValueError:
        raise Unreadable("its name holds a NUL character") from None
    try:
        found = os.fstat(descriptor)
        _must_be_regular(found.st_mode)
        with open(descriptor, "rb", closefd=False) as stream:
            return found, stream.read(most)
    except OSError as error:
        raise Unreadable(_reason(path, error)) from None
    finally:
        os.close(descriptor)


def _must_be_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise Unreadable("it is a folder")
    if not stat.S_ISREG(mode):
        raise Unreadable("it is a pipe or a device, not a regular file")


def _reason(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "it is a broken symbolic link" if path.is_symlink() else "there is no such file"
    return _REASONS.get(error.errno or 0, "it cannot be read")
