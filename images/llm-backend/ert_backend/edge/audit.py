"""Audit log: client, action, time and outcome as one JSON object a line, each with the hash of the line before.

    python -m ert_backend.edge.audit verify FILE [FILE...] [--head HASH]     # oldest file first

A line that was changed, moved, added or removed breaks the chain. The end of the chain is in a second file,
`FILE.head`, and in `GET /admin/audit`, for an auditor to store elsewhere: an attacker with write access to the disk can
rewrite both.

A line contains the first digits of a key's hash, a route and a status; never a body, a key or a path that a client made
up. Files are bounded: a full one is rotated, and the last `KEPT` are kept. Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ert_backend.base.clock import iso_now

MOST_LINES = 128
NEWEST = 40_000  # bytes of the last lines that `GET /admin/audit` returns: its client reads at most 64 KiB
FILE, KEPT, START, CONTINUES = "audit.jsonl", 4, "0" * 64, "continues an older file"


class Broken(Exception):
    """The chain is broken; the message names file and line."""


def link(entry: Mapping[str, Any]) -> str:
    """Return the hash of a line: SHA-256 over its canonical JSON without the hash itself."""
    content = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Audit:
    """Appends to the log. A disk error increments `failures` and never fails a request."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.path, self.limit = folder / FILE, limit
        self.count, self.head, self.failures = 0, START, 0
        self.size = 0
        self.newest: deque[str] = deque()
        self._descriptor = self._note = -1
        with self._counted():
            self._open()

    def record(self, who: str, what: str, outcome: object, **more: object) -> None:
        """Append a line: `who` is a key's short name, `admin` or `-`."""
        with self._counted():
            if self._descriptor < 0:
                self._open()
            if self.size >= self.limit:
                self._rotate()
                self._append("-", "audit", CONTINUES, {})
            self._append(who, what, outcome, more)

    def _append(self, who: str, what: str, outcome: object, more: Mapping[str, object]) -> None:
        entry = {"n": self.count + 1, "at": iso_now(), "who": who, "what": what, "outcome": outcome, **more}
        entry["prev"] = self.head
        entry["hash"] = link(entry)
        line = json.dumps(entry, separators=(",", ":"))
        self._write(line.encode() + b"\n")
        self._remember(line)
        self.count, self.head = self.count + 1, str(entry["hash"])
        self._note_head()

    def close(self) -> None:
        """Close the files."""
        for descriptor in (self._descriptor, self._note):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._note = -1

    @contextlib.contextmanager
    def _counted(self) -> Any:
        try:
            yield
        except OSError:
            self.failures += 1

    def _open(self) -> None:
        """Continue after the last complete line; a partial one, left by a crash, is removed, which is recorded."""
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.ftruncate(self._descriptor, len(whole))
        self.size = len(whole)
        self.newest.clear()
        for line in whole.splitlines()[-MOST_LINES:]:
            self._remember(line.decode("utf-8", "replace"))
        last = whole.rstrip(b"\n").rpartition(b"\n")[2] or self._rotated_end()
        if last:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(last)
                self.count, self.head = int(entry["n"]), str(entry["hash"])
        if len(whole) < len(content):
            self._append("-", "audit", "an incomplete line was removed", {"bytes": len(content) - len(whole)})

    def _remember(self, line: str) -> None:
        """Keep a line for `newest`, without those that do not fit any more."""
        self.newest.append(line)
        while len(self.newest) > MOST_LINES or sum(map(len, self.newest)) > NEWEST:
            self.newest.popleft()

    def _rotated_end(self) -> bytes:
        older = _older(self.path, 1)
        return older.read_bytes().rstrip(b"\n").rpartition(b"\n")[2] if older.exists() else b""

    def _write(self, line: bytes) -> None:
        written = os.write(self._descriptor, line)
        self.size += written
        if written < len(line):
            os.ftruncate(self._descriptor, self.size - written)
            self.size -= written
            raise OSError("the disk is full")

    def _rotate(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1
        for number in range(KEPT - 1, 0, -1):
            if _older(self.path, number).exists():
                _older(self.path, number).replace(_older(self.path, number + 1))
        self.path.replace(_older(self.path, 1))
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = 0

    def _note_head(self) -> None:
        """Overwrite in place at a fixed length: a rename may wait for the disk, and block all responses with it."""
        if self._note < 0:
            self._note = os.open(self.path.with_name(f"{FILE}.head"), os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(self._note, f"{self.count:012d} {self.head}\n".encode(), 0)


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def verify(files: Sequence[Path], head: str | None = None) -> tuple[int, str]:
    """Return the number of records in `files` (oldest first) and the hash of the last one.

    Raise Broken, which names the first line that is not valid. A first record that is not number 1 must be marked as
    the continuation of an older file; without that file, the previous hash is read from the record.
    """
    count, previous, number = 0, START, 0
    for path in files:
        for place, line in enumerate(path.read_bytes().splitlines(), 1):
            entry = _entry(line, f"{path.name}, line {place}")
            if count == 0 and entry["outcome"] == CONTINUES:
                previous, number = str(entry["prev"]), int(entry["n"]) - 1
            _fits(entry, previous, number + 1, f"{path.name}, line {place}")
            previous, number, count = str(entry["hash"]), number + 1, count + 1
    _ends(files[-1], head, number, previous)
    return count, previous


def _entry(line: bytes, place: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
        texts = all(isinstance(entry[name], str) for name in ("prev", "hash"))
        complete = texts and isinstance(entry["n"], int) and "outcome" in entry
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise Broken(f"{place}: not a record")
    return dict(entry)


def _fits(entry: Mapping[str, Any], previous: str, number: int, place: str) -> None:
    if entry["n"] != number or entry["prev"] != previous:
        raise Broken(f"{place}: does not follow the record before it (one is missing, added or moved)")
    if link(entry) != entry["hash"]:
        raise Broken(f"{place}: was changed")


def _ends(last: Path, head: str | None, number: int, digest: str) -> None:
    noted = last.with_name(f"{last.name}.head")
    if noted.exists():
        wanted, _, known = noted.read_text().strip().partition(" ")
        # A crash may occur between a record and its head file: the log may be one record ahead, never behind.
        if int(wanted or 0) > number or (int(wanted or 0) == number and known != digest):
            raise Broken(f"{last.name}: records at the end are missing (it should go on to number {wanted})")
    if head is not None and head != digest:
        raise Broken(f"{last.name}: does not end with the given hash")


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0 for a valid chain, 1 for a broken one, 2 for invalid usage or a read error."""
    words, head = list(arguments), None
    if "--head" in words[:-1]:
        at = words.index("--head")
        head = words[at + 1]
        del words[at : at + 2]
    if len(words) < 2 or words[0] != "verify":
        sys.stderr.write(
            "usage: python -m ert_backend.edge.audit verify FILE [FILE...] [--head HASH]   (oldest first)\n"
        )
        return 2
    try:
        count, digest = verify([Path(word) for word in words[1:]], head)
    except Broken as error:
        sys.stderr.write(f"broken: {error}\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}\n")
        return 2
    sys.stdout.write(f"ok: {count} records, ending with {digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
