"""Processes that share a store, as each describes itself: its instance, its role and its configuration. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Process:
    """What a process stores about itself: the id of its instance, its role, and the fingerprint of its configuration.

    `numbered` has the fingerprints of further sets of variables. An earlier release stores nothing, and then each is
    empty or None.
    """

    instance: str = ""
    role: str = ""
    fingerprint: str | None = None
    numbered: Mapping[int, str] = field(default_factory=dict)

    def packed(self) -> str | None:
        """Return all fingerprints in one text: `FIRST 2:SECOND`; of one set it is the fingerprint itself."""
        further = [f"{number}:{found}" for number, found in sorted(self.numbered.items())]
        return " ".join([self.fingerprint or "", *further]) if further else self.fingerprint

    @classmethod
    def unpacked(cls, instance: str, role: str, packed: str | None) -> Process:
        """Return the process with the fingerprints in `packed`."""
        first, *further = (packed or "").split(" ")
        pairs = (one.partition(":") for one in further)
        return cls(
            instance, role, first or None, {int(number): found for number, _, found in pairs if number.isdigit()}
        )
