"""Figures of one backend, as its keyed routes report them. A figure that is not reported is None, never a guess."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU: memory in MiB, use in percent."""

    name: str
    memory_mb: float | None = None
    used_mb: float | None = None
    busy: float | None = None


@dataclass(frozen=True, slots=True)
class LastReport:
    """The last finished report: whether it was written, why not, and the seconds since then."""

    written: bool
    error: str = ""
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """A backend's own report. Times are in seconds of the provider's clock, sizes in bytes.

    `idle_stop` is the idle time after which it stops, 0 for never. `claimed`: its guard knows that somebody uses it.
    `model_bytes` are those of the loaded model, `gpu_bytes` those of them in GPU memory. `written` and `failed` are the
    reports since the process started; `last` is the last finished one, None before it or if not reported.
    `cards` is None where the machine has no tool that tells.
    """

    idle: float | None = None
    idle_stop: float | None = None
    claimed: bool | None = None
    draining: bool | None = None
    restarts: int | None = None
    model_bytes: int | None = None
    gpu_bytes: int | None = None
    cards: tuple[Card, ...] | None = None
    waiting: int | None = None
    active: int | None = None
    written: int | None = None
    failed: int | None = None
    last: LastReport | None = None

    def idle_left(self) -> float | None:
        """Return the seconds until it stops for lack of work; None if it never does, or if that is not reported."""
        if not self.idle_stop or self.idle is None or self.active or self.waiting:
            return None
        return max(0.0, self.idle_stop - self.idle)
