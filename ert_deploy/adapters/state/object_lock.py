"""State lock in a shared store: an advisory lock object that shows which run uses the state and when the lock expires.

It only avoids surprises; runs are isolated from each other by conditional updates of the state. It expires, so that a
crashed run does not block others for long.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ert_deploy.adapters.state.document import read_holder, spoken, who, write_holder
from ert_deploy.adapters.state.objects import ATTEMPTS, Found, NoAnswer, Objects, Unmet
from ert_deploy.core.model.errors import Busy, CannotObserve, ErtError, UsageError
from ert_deploy.core.model.stored import LockHolder

LEASE = 600.0  # duration in seconds; extended after half of it
PAUSE = 1.0
PROBES = 3
IMPOSSIBLE = f'"{"0" * 32}"'  # no object has this ETag: a write with this condition must fail


class ObjectLock:
    """One lock object. Not thread-safe."""

    def __init__(self, objects: Objects, key: str, deployment: str) -> None:
        self._objects = objects
        self._key = key
        self._deployment = deployment
        self._mark = ""
        self._etag = ""
        self._mine: LockHolder | None = None

    def acquire(self, run_id: str, seconds: float = LEASE, *, by_hand: bool = False) -> LockHolder:
        """Take the lock if it is free or expired, and return its `LockHolder`.

        Raises `Busy` when another run has it, `CannotObserve` when it can be neither taken nor read, `UsageError` when
        the store ignores conditions.
        """
        now = self._objects.clock.now()
        mine = LockHolder(who(), 0 if by_hand else os.getpid(), run_id, int(now), now + seconds)
        self._mark, why = secrets.token_hex(16), ""
        body = write_holder(mine, place=_place(), mark=self._mark)
        for _ in range(ATTEMPTS):
            held = self._objects.get(self._key)
            if held is not None and held.mark == self._mark:
                self._etag, self._mine = held.etag, mine
                break
            if held is not None and self._counts(held):
                raise self._busy(held)
            try:
                self._etag = self._objects.put(self._key, body, held.etag if held else None, self._mark)
                self._mine = mine
                break
            except (Unmet, NoAnswer) as error:
                why = str(error)
                self._objects.clock.sleep(PAUSE)
        if self._mine is None:
            raise CannotObserve(f"the lock of {self._deployment} can neither be taken nor read", why, "run it again")
        if not self._objects.always_conditional:
            self._must_be_conditional(body)
        return mine

    def renew(self) -> None:
        """Extend the lock when half of its duration has passed. Best effort: losing it does no harm."""
        now, mine = self._objects.clock.now(), self._mine
        if mine is None or mine.expires is None or mine.expires - now > LEASE / 2:
            return
        self._mine = LockHolder(mine.who, mine.pid, mine.run, mine.since, now + LEASE)
        with suppress(ErtError, Unmet, NoAnswer):
            body = write_holder(self._mine, place=_place(), mark=self._mark)
            self._etag = self._objects.put(self._key, body, self._etag, self._mark)

    def release(self) -> None:
        """Release the lock if it is unchanged. Best effort: it also expires."""
        self._mine = None
        with suppress(ErtError, Unmet, NoAnswer):
            self._objects.delete(self._key, self._etag)

    def holder(self) -> LockHolder | None:
        """Return the current `LockHolder`, or None."""
        held = self._objects.get(self._key)
        return read_holder(held.body) if held is not None and self._counts(held) else None

    def end(self) -> LockHolder | None:
        """Remove any lock and return its `LockHolder`. Raise `CannotObserve` when it has changed meanwhile."""
        held = self._objects.get(self._key)
        if held is None:
            return None
        try:
            self._objects.delete(self._key, held.etag)
        except (Unmet, NoAnswer) as error:
            raise CannotObserve(f"the lock of {self._deployment} changed hands meanwhile", str(error)) from None
        return read_holder(held.body)

    def _counts(self, held: Found) -> bool:
        """Whether the lock is valid: not if it cannot be parsed, has expired or is of a dead process."""
        holder = read_holder(held.body)
        if holder is None or (holder.expires or 0.0) <= self._objects.clock.now():
            return False
        same_place = bool(_place()) and f'"place": "{_place()}"'.encode() in held.body
        return not (same_place and holder.pid > 0 and not Path(f"/proc/{holder.pid}").exists())

    def _busy(self, held: Found) -> Busy:
        return Busy(
            f"another run works on {self._deployment}",
            spoken(read_holder(held.body), self._objects.clock.zone),
            "wait for it, or `ert-deploy state unlock` if that run is surely dead",
        )

    def _must_be_conditional(self, body: bytes) -> None:
        """Check that the store supports conditional updates, which some S3 implementations do not.

        It is tested on the lock, where it does no harm, and several times: if another process has just removed the
        lock, an update without an existing object rightly takes effect.
        """
        for condition in (IMPOSSIBLE, None):
            if all(self._wrote(body, condition) for _ in range(PROBES)):
                self.release()
                raise UsageError(
                    f"the store of {self._objects.where(self._key)} ignores the conditions of a write",
                    "two runs could overwrite each other's state, and rent twice",
                    "use a store with conditional writes (AWS S3, MinIO, R2), or a state file",
                )

    def _wrote(self, body: bytes, condition: str | None) -> bool:
        try:
            self._etag = self._objects.put(self._key, body, condition, self._mark)
        except (Unmet, NoAnswer):
            return False
        return True


def _place() -> str:
    """Identify this kernel and PID namespace, in which a missing process is a dead one; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
