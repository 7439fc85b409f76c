"""The machines that commands are run on: each has clocks of its own, and hears the provider's in its replies."""

from __future__ import annotations

import math

from ert_deploy.core.model.moment import Moment

SKEWS = (0.0, 0.0, 240.0, -240.0, 3600.0, -86400.0)  # seconds by which a wall clock may be off
SINCE_BOOT = 5000.0


class Operator:
    """One command's machine. `skew`: how far its wall clock is ahead; `down`: its command takes everything away.

    `storeless`: the store has failed it, so that on the way down it goes by the marks alone.
    """

    __slots__ = ("down", "heard", "said", "skew", "storeless")

    def __init__(self, skew: float = 0.0, *, down: bool = False) -> None:
        self.skew, self.down = skew, down
        self.said: float | None = None
        self.heard = 0.0
        self.storeless = False

    def hear(self, now: float) -> None:
        """A reply of the provider with a date, to the second."""
        self.said, self.heard = math.floor(now), now

    def read(self, now: float) -> Moment:
        """All the clocks at once."""
        said = None if self.said is None else self.said + now - self.heard
        return Moment(now + self.skew, now + SINCE_BOOT, said)
