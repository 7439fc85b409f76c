"""Reference model of a machine and of the guard's duties, written independently of the guard's rules.

Two clocks: `awake` runs while the machine does; the boot clock includes suspensions. Rules use the boot clock, the
drain cap and the time limits use awake time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

STUCK = 300.0
# Seconds: the time limit; the extra time for a provider that recovers; the maximum delay until the guard sees a rule;
# the maximum time that a hung app may count as running.
PROMISED, LATE_PROVIDER, SEES, UNHEARD = 60.0, 15.0, 12.0, 45.0


@dataclass(frozen=True)
class Limits:
    """The machine's rules in seconds; 0 means none."""

    idle: float
    deadline: float
    lifetime: float
    cap: float
    hang: float


@dataclass
class Boot:
    """Events since the container started; times by the boot clock, None for those that have not happened."""

    began: float
    maybe_claimed_before: bool
    claimed: float | None = None
    ready: float | None = None
    work: float | None = None
    heard: tuple[float | None, float | None, float | None] = (None, None, None)
    sleeps: list[tuple[float, float, float]] = field(default_factory=list)

    def tell(self) -> None:
        """Record that the app's update reached the guard with all events so far."""
        self.heard = (self.claimed, self.ready, self.work)

    def as_heard(self) -> Boot:
        """Return the state that the guard has."""
        claimed, ready, work = self.heard
        return replace(self, claimed=claimed, ready=ready, work=work)

    def awake_at(self, boot: float, now_boot: float, now_awake: float) -> float:
        """Convert boot-clock time `boot` to awake time; for a time during a suspension, return its end."""
        slept = 0.0
        for at, until, _ in reversed(self.sleeps):
            if boot >= until:
                break
            slept += until - max(at, boot)
        return now_awake - (now_boot - boot - slept)

    def slept_since(self, boot: float) -> int:
        """Return the count of suspensions since then: the guard counts at most one step of each."""
        return sum(until > boot for _, until, _ in self.sleeps)


def due(limits: Limits, boot: Boot, flying: int) -> float | None:
    """Return the boot-clock time since when a rule ends this machine, possibly in the future; None if no rule does."""
    found = [boot.began + limits.lifetime] if limits.lifetime else []
    never_up = boot.claimed is None or boot.ready is None
    if limits.deadline and never_up:
        found.append(boot.began + limits.deadline)
    owned = boot.claimed is not None or boot.maybe_claimed_before
    if limits.idle and ((owned and boot.ready is not None) or not limits.deadline):
        last = max([boot.began, *(at for at in (boot.claimed, boot.ready, boot.work) if at is not None)])
        # A report that makes progress is not idle; one without progress for `STUCK` seconds is.
        moves_until = (boot.work or last) + STUCK if flying else last
        found.append(max(last + limits.idle, moves_until))
    return min(found, default=None)
