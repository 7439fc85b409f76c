"""The courtesy lock beside a state in S3: an object that says who works here and until when.

It spares people surprises and nothing depends on it: what keeps two runs apart is that every write of the state is
conditional. It expires, so that a run that was killed keeps nobody out for long.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ert_deploy.adapters.state.document import read_holder, spoken, who, write_holder
from ert_deploy.adapters.state.s3_objects import ATTEMPTS, Found, NoAnswer, S3Objects, Unmet
from ert_deploy.core.model.errors import Busy, CannotObserve, ErtError, UsageError
from ert_deploy.core.model.stored import LockHolder

LEASE = 600.0  # seconds; renewed at half of it
PAUSE = 1.0
PROBES = 3
IMPOSSIBLE = f'"{"0" * 32}"'  # no object has this ETag: a conditional write against it must be refused


class S3Lock:
    """One lock object. Not for several threads."""

    def __init__(self, objects: S3Objects, key: str, deployment: str) -> None:
        self._objects = objects
        self._key = key
        self._deployment = deployment
        self._mark = ""
        self._etag = ""
        self._mine: LockHolder | None = None

    def acquire(self, run_id: str, seconds: float = LEASE, *, by_hand: bool = False) -> LockHolder:
        """Take it, or take it over from somebody whose time is up. Busy says who holds it and since when."""
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
        self._must_be_conditional(body)
        return mine

    def renew(self) -> None:
        """Put off the end when half of the time is over. Best effort: losing the lock harms nothing."""
        now, mine = self._objects.clock.now(), self._mine
        if mine is None or mine.expires is None or mine.expires - now > LEASE / 2:
            return
        self._mine = LockHolder(mine.who, mine.pid, mine.run, mine.since, now + LEASE)
        with suppress(ErtError, Unmet, NoAnswer):
            body = write_holder(self._mine, place=_place(), mark=self._mark)
            self._etag = self._objects.put(self._key, body, self._etag, self._mark)

    def release(self) -> None:
        """Give it back if it is still ours. Best effort: it also falls by itself."""
        self._mine = None
        with suppress(ErtError, Unmet, NoAnswer):
            self._objects.delete(self._key, self._etag)

    def holder(self) -> LockHolder | None:
        """Who holds it now."""
        held = self._objects.get(self._key)
        return read_holder(held.body) if held is not None and self._counts(held) else None

    def end(self) -> LockHolder | None:
        """Take it away from whoever holds it; who that was."""
        held = self._objects.get(self._key)
        if held is None:
            return None
        try:
            self._objects.delete(self._key, held.etag)
        except (Unmet, NoAnswer) as error:
            raise CannotObserve(f"the lock of {self._deployment} changed hands meanwhile", str(error)) from None
        return read_holder(held.body)

    def _counts(self, held: Found) -> bool:
        """Whether it still keeps anybody out: nonsense, a lease that is over and a dead process do not."""
        holder = read_holder(held.body)
        if holder is None or (holder.expires or 0.0) <= self._objects.clock.now():
            return False
        same_place = bool(_place()) and f'"place": "{_place()}"'.encode() in held.body
        return not (same_place and holder.pid > 0 and not Path(f"/proc/{holder.pid}").exists())

    def _busy(self, held: Found) -> Busy:
        return Busy(
            f"another run works on {self._deployment}",
            spoken(read_holder(held.body)),
            "wait for it, or `ert-deploy state unlock` if that run is surely dead",
        )

    def _must_be_conditional(self, body: bytes) -> None:
        """Some makes of S3 ignore conditions. Found out on the lock, where it can do no harm.

        Asked more than once, because somebody may take the lock away just now, and then it may rightly be written.
        """
        for condition in (IMPOSSIBLE, None):
            if all(self._wrote(body, condition) for _ in range(PROBES)):
                self.release()
                raise UsageError(
                    f"the store of s3://{self._objects.bucket} ignores the conditions of a write",
                    "two runs could lose each other's writes, and rent twice",
                    "use a store that does conditional writes (AWS S3, MinIO, R2), or a state file",
                )

    def _wrote(self, body: bytes, condition: str | None) -> bool:
        try:
            self._etag = self._objects.put(self._key, body, condition, self._mark)
        except (Unmet, NoAnswer):
            return False
        return True


def _place() -> str:
    """This kernel and this space of process numbers, in which a missing process is a dead one; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
