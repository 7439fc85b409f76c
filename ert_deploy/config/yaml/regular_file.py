"""Reads a regular file, or says in a few words why it is not one.

Opens without blocking and looks at what was opened, so that a FIFO, a device or a folder is named instead of read,
and so that the permissions that are checked are those of the bytes that were read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_REASONS = {
    errno.EACCES: "it may not be read (permission denied)",
    errno.EPERM: "it may not be read (permission denied)",
    errno.ELOOP: "it is a symbolic link that leads to itself",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENXIO: "it is a socket or a device without a driver",
}


class Unreadable(Exception):
    """The file cannot be read; the text says why and does not name it."""


def read_plain(path: Path, most: int) -> tuple[os.stat_result, bytes]:
    """What the file system says about `path`, and its first `most` bytes. Raises Unreadable."""
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
        return "it is a symbolic link to nothing" if path.is_symlink() else "there is no such file"
    return _REASONS.get(error.errno or 0, "it cannot be read")
