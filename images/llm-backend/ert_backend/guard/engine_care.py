"""When the engine is restarted because it hangs: it owes an answer, and nothing comes. Pure. Standard library only.

An engine may answer that all is well and never write a token, or be stopped, or wait for a card that hangs in the
kernel: its process lives, so no supervisor restarts it. Only who asked it knows, so the word comes from a probe, which
the app's engine port supplies. A restart that brings no token did not help: from then on the engine is sick, and is
restarted at growing intervals, until it writes again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Real seconds for a killed engine to be gone: what hangs in the kernel cannot be killed.
DEAF = 30.0
# Of the time between two looks no more than this counts: a machine that slept did not let its engine write.
LONGEST_STEP = 10.0
_DOUBLINGS = 5


@dataclass(frozen=True, slots=True)
class EngineWord:
    """What is known of the engine now, in boot seconds: since when it owes an answer, when a token last came."""

    owes: float | None
    heard: float | None


Probe = Callable[[], EngineWord | None]


@dataclass(slots=True)
class EngineCare:
    """`hang`: real seconds after which an answer that is owed will not come, 0: it is never restarted.

    `probe` gives None while nobody knows. `restarts` counts those of this run, `vain` those since the last token.
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
        """Whether to kill it now; `began`: when its process did, boot seconds. Whoever asks does what it says."""
        word = self.probe()
        if word is not None and word.heard is not None and word.heard > (self.restarted_at or 0.0):
            self.vain = 0
        if word is None:
            # Nobody knows now, which changes nothing of what was owed; the time of not knowing does not count.
            self._looked = now
            return False
        if not self.hang or word.owes is None or not alive:
            self._since = None
            return False
        # What it owed before it was started, it owes since then: nobody can have expected it sooner.
        if self._lived(now, max(word.owes, began, self.restarted_at or 0.0)) < self._patience():
            return False
        self.restarts, self.vain, self.restarted_at = self.restarts + 1, self.vain + 1, now
        return True

    def sick(self, now: float, began: float, *, alive: bool) -> bool:
        """Whether restarting it does not help: it hung again without a token, or it does not die."""
        at = self.restarted_at
        undead = at is not None and alive and began < at and now - at > DEAF
        return self.vain > 1 or undead

    def _patience(self) -> float:
        return self.hang * 2.0 ** min(self.vain, _DOUBLINGS)

    def _lived(self, now: float, since: float) -> float:
        """For how long it has owed what it owes since then, as far as the guard was awake."""
        step = min(LONGEST_STEP, max(0.0, now - max(since, self._looked)))
        self._owed = self._owed + step if since == self._since else step
        self._since, self._looked = since, now
        return self._owed
