"""Moment: one reading of wall clock, monotonic clock and, if known, the provider's clock.

The clocks of two operators can deviate and be set, so they are never mixed. Deadlines use the local clock that has
advanced most. Stored times use the provider's clock, which every operator can read.
"""

from __future__ import annotations

from ert_deploy.core.model.quick_dataclass import quick_dataclass

MARGIN = 30.0  # maximum difference of two readings of the provider's clock, in seconds: the timeout of one call


@quick_dataclass
class Moment:
    """One reading, in seconds. `wall` is the Unix time of this machine, which can be changed.

    `steady` has an arbitrary origin, cannot be changed and runs while the machine sleeps. `provider` is the Unix time
    of the provider's last response plus the `steady` seconds since then; None before the first response with a time.
    """

    wall: float
    steady: float
    provider: float | None = None

    def stamp(self) -> float:
        """Return the time to store: the provider's, or without one minus the local time, which serves only as an id."""
        return -self.wall if self.provider is None else self.provider

    def since(self, earlier: Moment) -> float:
        """Return the seconds since an earlier reading of the same clocks, by the clock that advanced most."""
        return max(self.wall - earlier.wall, self.steady - earlier.steady)
