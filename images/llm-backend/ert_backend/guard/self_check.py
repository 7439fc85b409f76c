"""Would the off-switch work? What a reading of the own instance with the own key says about it. Pure.

    proven    the provider showed us our own instance, or took an order
    refused   it does not know the key: twice in a row, since one such answer may be a mistake of its own
    unknown   neither: no usable answer, or a key that may not read, which says nothing about stopping

Whether Vast lets an instance's key read is not known; nothing may hang on more than a refusal. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_backend.base.activity import OffSwitch

# Money seconds until the next reading, once it is proven; while it is not; after the first refusal.
EVERY, SOONER, AT_ONCE = 600.0, 60.0, 10.0
REFUSALS, SILENCES = 2, 3


@dataclass(slots=True)
class SelfCheck:
    """The state, and when to read again (money seconds)."""

    state: OffSwitch = OffSwitch.UNKNOWN
    refusals: int = 0
    silences: int = 0
    next_at: float = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time to read."""
        return now >= self.next_at

    def heard(self, reading: OffSwitch, now: float) -> None:
        """Take in one answer. What is proven stays so for a while when the provider cannot be asked."""
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
