"""Operator machines: each one has separate clocks, and the provider's clock from the dates of responses."""

from __future__ import annotations

import math

from ert_deploy.core.model.moment import Moment

SKEWS = (0.0, 0.0, 240.0, -240.0, 3600.0, -86400.0)  # offset of a system clock in seconds
SINCE_BOOT = 5000.0


class Operator:
    """The machine of one command. `skew`: offset of its system clock in seconds; `down`: its command is `down`.

    `storeless`: the state store is not available, so that `down` selects instances only by `Mark`.
    """

    __slots__ = ("down", "heard", "said", "skew", "storeless")

    def __init__(self, skew: float = 0.0, *, down: bool = False) -> None:
        self.skew, self.down = skew, down
        self.said: float | None = None
        self.heard = 0.0
        self.storeless = False

    def hear(self, now: float) -> None:
        """Store the date of a response of the provider, in whole seconds."""
        self.said, self.heard = math.floor(now), now

    def read(self, now: float) -> Moment:
        """Return the current time of all clocks."""
        said = None if self.said is None else self.said + now - self.heard
        return Moment(now + self.skew, now + SINCE_BOOT, said)
