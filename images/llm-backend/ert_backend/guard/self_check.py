"""Self-check: whether the off-switch would work, from reading the guard's own instance with its own key. No I/O.

    proven    the provider returned the own instance, or accepted an order
    refused   it rejected the key: twice in a row, since a single rejection may be a mistake of the provider
    unknown   neither: no valid response, or a key without read permission, which may still stop the machine

Whether Vast allows an instance's key to read is not known; only a rejected key may have consequences.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_backend.base.activity import OffSwitch

# Money seconds until the next reading: when proven; when not; after the first rejection.
EVERY, SOONER, AT_ONCE = 600.0, 60.0, 10.0
REFUSALS, SILENCES = 2, 3


@dataclass(slots=True)
class SelfCheck:
    """The state, and the time of the next reading (money seconds)."""

    state: OffSwitch = OffSwitch.UNKNOWN
    refusals: int = 0
    silences: int = 0
    next_at: float = 0.0

    def due(self, now: float) -> bool:
        """Whether a reading is due."""
        return now >= self.next_at

    def heard(self, reading: OffSwitch, now: float) -> None:
        """Add one reading. A proven switch stays so for a while when the provider is unreachable."""
        self.refusals = self.refusals + 1 if reading is OffSwitch.REFUSED else 0
        self.silences = self.silences + 1 if reading is OffSwitch.UNKNOWN else 0
        if reading is OffSwitch.PROVEN:
            self.state = OffSwitch.PROVEN
        elif self.refusals >= REFUSALS:
            self.state = OffSwitch.REFUSED
        elif self.state is OffSwitch.PROVEN and self.silences >= SILENCES:
            self.state = OffSwitch.UNKNOWN
        self.next_at = now + self._pause(reading)

    def _pause(self, reading: OffSwitch) -> float:
        if reading is OffSwitch.PROVEN:
            return EVERY
        return AT_ONCE if self.refusals == 1 else SOONER
