"""What really happened to a machine, and what its guard may and must do about it: written apart from the guard's rules.

Two clocks: `awake` runs while the machine does; the boot clock also counts what it slept. The rules are by the boot
clock, the drain cap and the promises by what was lived through.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

STUCK = 300.0
# Seconds: what is promised; what a provider that comes back adds; how late a guard may see a rule; how long an app that
# hangs may be taken for one that speaks.
PROMISED, LATE_PROVIDER, SEES, UNHEARD = 60.0, 15.0, 12.0, 45.0


@dataclass(frozen=True)
class Limits:
    """The machine's rules in seconds; 0: none."""

    idle: float
    deadline: float
    lifetime: float
    cap: float
    hang: float


@dataclass
class Boot:
    """What happened since the container started; times by the boot clock, None for what has not."""

    began: float
    maybe_claimed_before: bool
    claimed: float | None = None
    ready: float | None = None
    work: float | None = None
    heard: tuple[float | None, float | None, float | None] = (None, None, None)
    sleeps: list[tuple[float, float, float]] = field(default_factory=list)

    def tell(self) -> None:
        """The app's word reached the guard: it holds all that has happened."""
        self.heard = (self.claimed, self.ready, self.work)

    def as_heard(self) -> Boot:
        """What the guard can know of it."""
        claimed, ready, work = self.heard
        return replace(self, claimed=claimed, ready=ready, work=work)

    def awake_at(self, boot: float, now_boot: float, now_awake: float) -> float:
        """When, by the awake clock, the boot clock read `boot`; in a sleep: when that ended."""
        slept = 0.0
        for at, until, _ in reversed(self.sleeps):
            if boot >= until:
                break
            slept += until - max(at, boot)
        return now_awake - (now_boot - boot - slept)

    def slept_since(self, boot: float) -> int:
        """How often it slept since then: what is counted of each sleep is one step of the guard at most."""
        return sum(until > boot for _, until, _ in self.sleeps)


def due(limits: Limits, boot: Boot, flying: int) -> float | None:
    """The boot-clock moment since when a rule asks for this machine's end; it may lie ahead. None: no rule does."""
    found = [boot.began + limits.lifetime] if limits.lifetime else []
    never_up = boot.claimed is None or boot.ready is None
    if limits.deadline and never_up:
        found.append(boot.began + limits.deadline)
    owned = boot.claimed is not None or boot.maybe_claimed_before
    if limits.idle and ((owned and boot.ready is not None) or not limits.deadline):
        last = max([boot.began, *(at for at in (boot.claimed, boot.ready, boot.work) if at is not None)])
        # A report that moves is no idleness; one that has not moved for long is.
        moves_until = (boot.work or last) + STUCK if flying else last
        found.append(max(last + limits.idle, moves_until))
    return min(found, default=None)
