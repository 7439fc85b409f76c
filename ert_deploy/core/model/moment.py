"""A reading of the clocks: ours, one that nobody can set, and the provider's as far as it is known.

Clocks of different operators differ and can be set, so they are never compared. What may still be *done* ends by the
longest of our own clocks. What is *written* carries the provider's time, which every operator can read.
"""

from __future__ import annotations

from ert_deploy.core.model.quick_dataclass import quick_dataclass

MARGIN = 30.0  # seconds by which two readings of the provider's clock may differ: one call's time-out


@quick_dataclass
class Moment:
    """One reading, in seconds. `wall` is Unix time as this machine has it, and may be set.

    `steady` counts from anywhere, cannot be set and goes on while the machine sleeps. `provider` is Unix time by the
    provider's last reply, carried on by `steady`; None while no reply has carried one.
    """

    wall: float
    steady: float
    provider: float | None = None

    def stamp(self) -> float:
        """What is written into the state: the provider's time, else minus our own, which is but a name."""
        return -self.wall if self.provider is None else self.provider

    def since(self, earlier: Moment) -> float:
        """Seconds since an earlier reading of the same clocks, by the one that says most."""
        return max(self.wall - earlier.wall, self.steady - earlier.steady)
