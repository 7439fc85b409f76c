"""Memory of notices, or of uses: a small document beside the state, in a file or a store of objects, with no secret.

A damaged one counts as empty: the worst is one notice more, or that an agent learns anew.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path

from ert_deploy.adapters.private import (
    keep_out_of_git,
    lock_within,
    make_folder,
    new_private,
    open_private,
    read_private,
)
from ert_deploy.adapters.state.objects import ATTEMPTS, NoAnswer, Objects, Unmet
from ert_deploy.core.model.errors import CannotObserve, Failed

FORMAT = "ert-deploy notices"
MOST_BYTES = 65_536
WRITE_SECONDS = 2.0  # real time that another process may hold the file
Change = Callable[[frozenset[str]], frozenset[str]]


class NoticeFile:
    """Memory in the file `path`, mode 0600; its lock is a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def change(self, change: Change) -> frozenset[str]:
        """Replace the keys by what `change` makes of them, and return those of before. Raises `Failed`."""
        try:
            make_folder(self.path.parent, lambda _: None)
            keep_out_of_git(self.path.parent)
            with open_private(self.path.with_name(f"{self.path.name}.lock")) as lock:
                if not lock_within(lock, WRITE_SECONDS):
                    raise Failed(f"{self.path} is in use by another process")
                return self._changed(change)
        except OSError as error:
            raise Failed(f"{self.path} cannot be used: {error.strerror}") from None

    def _changed(self, change: Change) -> frozenset[str]:
        try:
            before = _decoded(read_private(self.path, MOST_BYTES, lambda _: None))
        except FileNotFoundError:
            before = frozenset()
        after = change(before)
        if after != before:
            temporary = self.path.with_name(f"{self.path.name}.tmp")
            with new_private(temporary) as file:
                file.write(_encoded(after))
            temporary.replace(self.path)
        return before


class NoticeObject:
    """Memory in an object of a shared store, each write of which is conditional."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects = objects
        self._key = key

    def change(self, change: Change) -> frozenset[str]:
        """Replace the keys by what `change` makes of them, and return those of before. Raises the store's errors."""
        where = self._objects.where(self._key)
        for _ in range(ATTEMPTS):
            found = self._objects.get(self._key)
            before = _decoded(found.body) if found is not None else frozenset()
            after = change(before)
            if after == before:
                return before
            try:
                self._objects.put(
                    self._key, _encoded(after), found.etag if found is not None else None, secrets.token_hex(16)
                )
            except Unmet:
                continue  # another process has just written it
            except NoAnswer as error:
                raise CannotObserve(f"cannot write {where}", str(error)) from None
            return before
        raise Failed(f"{where} is written by others all the time")


def _encoded(keys: frozenset[str]) -> bytes:
    return json.dumps({"format": FORMAT, "version": 1, "told": sorted(keys)}, indent=1).encode()


def _decoded(body: bytes) -> frozenset[str]:
    try:
        found = json.loads(body)
        told = found["told"] if found["format"] == FORMAT else []
        return frozenset(one for one in told if isinstance(one, str))
    except (ValueError, KeyError, TypeError, RecursionError):
        return frozenset()
