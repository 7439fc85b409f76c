"""State in a local file: old or new after any crash, and every flipped bit found.

A write takes a file lock, compares the generation, writes a temporary file in the same folder, syncs it, renames it
over the old one and syncs the folder. The checksum covers the state as it is stored.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_deploy.core.errors import Busy, Failed, StateConflict, UsageError
from ert_deploy.core.state import VERSION, State, from_json, to_json
from ert_deploy.ports import Clock

FORMAT = "ert-deploy state"
MAX_BYTES = 4 * 1024 * 1024
_REBUILD = (
    "move the file away and run the command again: instances are found by the marks they carry, "
    "and nothing is rented twice"
)


class StateFile:
    """One deployment's state at `path`; the folder is made when needed, mode 0700."""

    def __init__(self, path: Path, deployment: str, clock: Clock) -> None:
        self.path = path
        self.deployment = deployment
        self._clock = clock

    def load(self) -> State:
        """The stored state; generation 0 and empty when there is no file. UsageError when damaged or newer."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return State(self.deployment)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from error
        return self._parse(raw)

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
            raise Failed(
                f"{self.path}: cannot be written: {error.strerror}",
                hint="the run stopped before its next step; make room or mend the permissions and run it again",
            ) from error
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """Hold the courtesy lock; it falls by itself when the process ends, however it ends."""
        path = self._beside("lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = path.open("ab")
        except OSError as error:
            raise Failed(f"{path}: cannot be locked: {error.strerror}", hint="mend the permissions first") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"another run works on {self.deployment}", self._holder(path), "wait for it") from None
            who = {"run": run_id, "who": _who(), "pid": os.getpid(), "since": int(self._clock.now())}
            with suppress(OSError):  # a full disk must not keep anybody from taking things away
                os.truncate(file.fileno(), 0)
                os.write(file.fileno(), json.dumps(who).encode())
            try:
                yield
            finally:
                with suppress(OSError):
                    os.truncate(file.fileno(), 0)

    def _parse(self, raw: bytes) -> State:
        try:
            if len(raw) > MAX_BYTES:
                raise ValueError("larger than any state of ours")
            document = json.loads(raw)
            if not isinstance(document, dict) or document.get("format") != FORMAT:
                raise ValueError("not a state file of ert-deploy")
            self._refuse_newer(document)
            if document.get("sha256") != _digest(document.get("state")):
                raise ValueError("the checksum does not match")
            state = from_json(document["state"])
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{self.path}: damaged state file: {error}", hint=_REBUILD) from error
        if state.deployment != self.deployment:
            raise UsageError(f"{self.path}: holds deployment {state.deployment!r}, not {self.deployment!r}")
        return state

    def _refuse_newer(self, document: dict[str, Any]) -> None:
        version = document.get("version")
        if isinstance(version, int) and version > VERSION:
            raise UsageError(
                f"{self.path}: written by a newer ert-deploy (state version {version}, this one reads {VERSION})",
                hint="upgrade ert-deploy",
            )

    def _replace(self, state: State) -> None:
        body = to_json(state)
        document = {"format": FORMAT, "version": VERSION, "sha256": _digest(body), "state": body}
        temporary = self._beside("tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._beside("cas").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _beside(self, what: str) -> Path:
        """A file of ours next to the state, whatever the state itself is called."""
        return self.path.with_name(f"{self.path.name}.{what}")

    @staticmethod
    def _holder(path: Path) -> str:
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            return f"held by {held['who']}, process {held['pid']}, run {held['run']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
