"""Hang detection: decides when an engine with an open request and no output is restarted. No I/O.

An engine may report that it is healthy and never write a token, or be stopped, or block on a hung card: its process is
alive, so the supervisor does not restart it. Only its client notices, so the state comes from a probe, supplied by the
app's engine port. If a restart results in no token, the engine is sick, and is restarted at growing intervals until it
writes again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Real seconds for a killed engine to exit: a process that is blocked in the kernel cannot be killed.
DEAF = 30.0
# Maximum seconds counted between two checks: while the machine was suspended its engine could not write.
LONGEST_STEP = 10.0
_DOUBLINGS = 5


@dataclass(frozen=True, slots=True)
class EngineWord:
    """State of the engine in boot seconds: the time since which a token is expected, and that of the last token."""

    owes: float | None
    heard: float | None


Probe = Callable[[], EngineWord | None]


@dataclass(slots=True)
class EngineCare:
    """`hang`: real seconds after which an expected token counts as lost, 0 for no restarts at all.

    `probe` returns None while the state is unknown. `restarts` counts those of this run, `vain` those since the last
    token.
    """

    hang: float
    probe: Probe
    restarts: int = 0
    vain: int = 0
    restarted_at: float | None = None
    _since: float | None = None
    _looked: float = 0.0
    _owed: float = 0.0

    def due(self, now: float, began: float, *, alive: bool) -> bool:
        """Whether to kill the engine now; `began` is its start in boot seconds. The caller must do so."""
        word = self.probe()
        if word is not None and word.heard is not None and word.heard > (self.restarted_at or 0.0):
            self.vain = 0
        if word is None:
            # The state is unknown: the wait is kept, but this time does not count towards it.
            self._looked = now
            return False
        if not self.hang or word.owes is None or not alive:
            self._since = None
            return False
        # A wait from before the engine's start counts from that start: no token was possible earlier.
        if self._lived(now, max(word.owes, began, self.restarted_at or 0.0)) < self._patience():
            return False
        self.restarts, self.vain, self.restarted_at = self.restarts + 1, self.vain + 1, now
        return True

    def sick(self, now: float, began: float, *, alive: bool) -> bool:
        """Whether restarts do not help: the engine hung again without a token, or cannot be killed."""
        at = self.restarted_at
        undead = at is not None and alive and began < at and now - at > DEAF
        return self.vain > 1 or undead

    def _patience(self) -> float:
        return self.hang * 2.0 ** min(self.vain, _DOUBLINGS)

    def _lived(self, now: float, since: float) -> float:
        """Return how long a token has been expected since then, without the time that the guard was suspended."""
        step = min(LONGEST_STEP, max(0.0, now - max(since, self._looked)))
        self._owed = self._owed + step if since == self._since else step
        self._since, self._looked = since, now
        return self._owed
