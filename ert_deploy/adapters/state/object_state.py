"""State in a shared store: one object in S3 or PostgreSQL, so that several users and CI can share a deployment.

Every write is conditional: a new object must not exist, an existing one must have the tag that was read. After a write
without a response, or with a failed condition, the object is read again, since the write may have succeeded. Each write
has a random mark, which distinguishes it from one of another process with the same content.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ert_deploy.adapters.state.document import decode, encode, signed_events
from ert_deploy.adapters.state.object_lock import ObjectLock
from ert_deploy.adapters.state.objects import ATTEMPTS, Found, NoAnswer, Objects, Unmet
from ert_deploy.adapters.state.signature import NO_KEY, StateKeys
from ert_deploy.core.model.errors import CannotObserve, Failed, StateConflict
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion

PAUSE = 2.0


class StateObject:
    """State of one deployment, stored under `key`."""

    def __init__(self, objects: Objects, key: str, deployment: str, keys: StateKeys = NO_KEY) -> None:
        self.deployment = deployment
        self.where = objects.where(key)
        self._key = key
        self._keys = keys
        self._objects = objects
        self._clock = objects.clock
        self._lock = ObjectLock(objects, f"{key}.lock", deployment)
        self._read: tuple[int, str | None] | None = None  # generation and tag of the last read or write

    def load(self) -> State:
        """Return the stored state, or an empty one. Raise `Damaged`, `UsageError` or `CannotObserve`."""
        found = self._objects.get(self._key)
        state = State(self.deployment) if found is None else self._decoded(found.body)
        self._read = (state.generation, found.etag if found is not None else None)
        self._lock.renew()
        return state

    def save(self, state: State) -> State:
        """Save `state` durably with the next `generation`.

        Raises `StateConflict` when the stored `generation` is not the one of `state`. Raises `Failed` when it could not
        be saved: if such a request takes effect later, it only records an intent that was not executed, which the next
        run discards.
        """
        etag = self._condition(state)
        if etag is None:
            self._objects.must_keep_versions()
        written = replace(signed_events(state), generation=state.generation + 1)
        self._read = (written.generation, self._put(encode(written, self._keys), etag, state.generation))
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """Hold the lock; it is renewed by `load`, and expires some minutes after a crash."""
        self._lock.acquire(run_id)
        try:
            yield
        finally:
            self._lock.release()

    def unwritable(self) -> str:
        """Return nothing: only a write can tell what a key may do."""
        return ""

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Lock out other runs for `seconds`, also after the end of this process. Raise `Busy` if it is locked."""
        return self._lock.acquire(run_id, seconds, by_hand=True)

    def holder(self) -> LockHolder | None:
        """Return the current `LockHolder`, or None."""
        return self._lock.holder()

    def unlock(self) -> LockHolder | None:
        """Remove any lock and return its `LockHolder`."""
        return self._lock.end()

    def set_aside(self) -> str:
        """Copy the object to a new key, delete it if it is unchanged, and return its location; empty without an object.

        Raises `Failed` when that could not be confirmed.
        """
        found = self._objects.get(self._key)
        if found is None:
            return ""
        aside = f"{self._key}.aside-{int(self._clock.now())}-{secrets.token_hex(2)}"
        try:
            self._objects.put(aside, found.body, None, found.mark)
            self._objects.delete(self._key, found.etag)
        except (Unmet, NoAnswer) as error:
            raise Failed(f"{self.where} could not be moved aside", str(error), "run it again") from None
        self._read = None
        return self._objects.where(aside)

    def history(self) -> tuple[StoredVersion, ...]:
        """Return all stored versions, newest first."""
        return self._objects.versions(self._key)

    def _condition(self, state: State) -> str | None:
        """Return the tag of the `generation` to replace; None if there is no object yet."""
        if self._read is None or self._read[0] != state.generation:
            self.load()
        assert self._read is not None
        stored, etag = self._read
        if stored != state.generation:
            raise StateConflict(f"{self.where} is at generation {stored}, we read {state.generation}")
        return etag

    def _put(self, body: bytes, etag: str | None, generation: int) -> str:
        """Write the object and return its new tag; read it back whenever the result is unknown."""
        mark, why = secrets.token_hex(16), ""
        for _ in range(ATTEMPTS):
            try:
                return self._objects.put(self._key, body, etag, mark)
            except (Unmet, NoAnswer) as error:
                why = str(error)
            found = self._look_back(why)
            if found is not None and found.mark == mark and found.body == body:
                return found.etag
            if (found.etag if found is not None else None) != etag:
                raise self._conflict(found, generation)
            self._clock.sleep(PAUSE)
        raise self._unwritten(why)

    def _look_back(self, why: str) -> Found | None:
        try:
            return self._objects.get(self._key)
        except CannotObserve as error:
            raise self._unwritten(f"{why}; {error.detail}") from None

    def _conflict(self, found: Found | None, generation: int) -> StateConflict:
        self._read = None
        if found is None:
            return StateConflict(f"{self.where} is gone, we read generation {generation}")
        stored = self._decoded(found.body).generation
        return StateConflict(f"{self.where} is at generation {stored}, we read {generation}")

    def _decoded(self, body: bytes) -> State:
        return decode(body, self.where, self.deployment, self._keys)

    def _unwritten(self, why: str) -> Failed:
        self._read = None
        return Failed(
            f"{self.where}: cannot be written",
            why,
            f"the run stopped before its next step; run it again when {self._objects.service} responds",
        )
