"""Custody by private files: one file per service, mode 0600, replaced atomically.

A file that others may read is refused instead of repaired: its keys may be known by now. So is one of another user, a
symlink, and anything that is not a regular file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from ert_deploy.adapters.custody.document import MOST_BYTES, decode, encode
from ert_deploy.adapters.private import (
    Notice,
    keep_out_of_git,
    make_folder,
    must_be_private,
    new_private,
    reason,
    to_stderr,
)
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_KNOWN = "its keys may be known to others: chmod 600 {}, and then `ert-deploy key rotate`"


class FileCustody:
    """Keeps the values of a service in `folder`, in a file named after its id. `sync` is `os.fsync`."""

    def __init__(self, folder: Path, sync: Callable[[int], None] = os.fsync, *, notice: Notice = to_stderr) -> None:
        self._folder = folder
        self._sync = sync
        self._notice = notice

    def kept(self, service_id: str) -> Mapping[str, Secret]:
        """Return what is kept for a service, or nothing. Raise `UsageError` for a file that is not ours alone."""
        path = self._path(service_id)
        try:
            text = _private_text(path)
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            raise UsageError(f"{printable(path)}: is not text") from None
        except OSError as error:
            raise UsageError(f"{printable(path)}: cannot be read: {reason(error)}") from None
        return decode(text, printable(path))

    def keep(self, service_id: str, values: Mapping[str, Secret]) -> None:
        """Replace what is kept for a service, durably; without values there is no file. Raise `Failed`."""
        path = self._path(service_id)
        try:
            if not values:
                path.unlink(missing_ok=True)
                return
            self._make_folder()
            temporary = path.with_name(f"{path.name}.tmp")
            with new_private(temporary) as file:
                file.write(encode(values).encode())
                file.flush()
                self._sync(file.fileno())
            temporary.replace(path)
            self._sync_folder(path.parent)
        except OSError as error:
            raise Failed(f"{printable(path)}: cannot be written: {reason(error)}") from None

    def _path(self, service_id: str) -> Path:
        if not _SERVICE.fullmatch(service_id):
            raise UsageError(f"{printable(service_id, 60)!r} cannot be the id of a service")
        return self._folder / f"{service_id}.json"

    def _make_folder(self) -> None:
        make_folder(self._folder, self._sync_folder)
        must_be_private(self._folder, self._notice)
        keep_out_of_git(self._folder.parent)

    def _sync_folder(self, path: Path) -> None:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._sync(folder)
        finally:
            os.close(folder)


def _private_text(path: Path) -> str:
    """Return the text of a file that nobody else may read. Raise `UsageError`, `OSError` or `UnicodeDecodeError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        shown, mode = printable(path), stat.S_IMODE(about.st_mode)
        if not stat.S_ISREG(about.st_mode):
            raise UsageError(f"{shown}: is not a regular file")
        if about.st_uid != os.geteuid():
            raise UsageError(f"{shown}: belongs to another user", hint="run as its owner")
        if mode & 0o077:
            raise UsageError(f"{shown}: can be read by others (mode {mode:04o})", hint=_KNOWN.format(shown))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{shown}: is larger than {MOST_BYTES // 1024} kB")
    return data.decode()
