"""Rental: a container on a machine of the market, what each poll reports of it, and what it costs.

Billing as Vast documents it: the GPU from the running container, the disk from the create, traffic by the byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.launch.machines import CLASH_AFTER, EXIT_AFTER, GB, NEVER, OFFLINE, Fate, Machine
from benchmarks.launch.parameters import DISK_GB, IMAGE_GB, MODEL_GB

DISK_PER_HOUR = DISK_GB * 0.15 / 720.0  # $0.15 per GB and month, as in the example of Vast's own specification
HOUR = 3600.0
LAYERS = 8  # messages of a pull
MADE = 3.0  # s until the container's record has a status
RUNS = (Fate.HEALTHY, Fate.EXITED, Fate.NO_PORT, Fate.STALL, Fate.NO_LOAD)
HANGS = "pulling"
MESSAGES = {
    Fate.REFUSED: "OCI runtime create failed: runc create failed: unable to start container process",
    Fate.CLASH: "Bind for 0.0.0.0:40001 failed: port is already allocated",
}


@dataclass(slots=True, eq=False)
class Rental:
    """One contract: `made` and `ends` are seconds of the launch, `price` is $/h with the disk."""

    number: int
    machine: Machine
    price: float
    made: float
    fate: Fate
    ends: float = NEVER
    changes: tuple[float, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        """Note when a poll returns something else for the first time."""
        self.changes = tuple(sorted(self.made + at for at in self._changes()))

    def _changes(self) -> tuple[float, ...]:
        machine = self.machine
        if self.fate not in RUNS:
            return (self.breaks_down,)
        port = () if self.fate is Fate.NO_PORT else (machine.running + machine.port,)
        return (machine.running, *port, self.breaks_down if self.fate is Fate.EXITED else self.healthy)

    @property
    def healthy(self) -> float:
        """Seconds from the create to the healthy backend; `NEVER` if it does not become one."""
        return self.machine.healthy if self.fate is Fate.HEALTHY else NEVER

    @property
    def breaks_down(self) -> float:
        """Seconds from the create to a failure that its status has; `NEVER` if none does."""
        machine = self.machine
        return {
            Fate.REFUSED: machine.pull + MADE, Fate.EXITED: machine.running + EXIT_AFTER,
            Fate.OFFLINE: machine.pull * OFFLINE + MADE, Fate.CLASH: CLASH_AFTER,
        }.get(self.fate, NEVER)  # fmt: skip

    def status(self, now: float) -> str:
        """Return the container's status as the provider lists it."""
        age = now - self.made
        if age >= self.breaks_down:
            return {Fate.EXITED: "exited", Fate.OFFLINE: "offline"}.get(self.fate, "created")
        if age < MADE:
            return "created"
        return "running" if self.fate in RUNS and age >= self.machine.running else "loading"

    def message(self, now: float) -> str:
        """Return the host's message: progress of the pull, or why it failed."""
        age = now - self.made
        if age >= self.breaks_down:
            return MESSAGES.get(self.fate, "")
        if self.fate in RUNS and age >= self.machine.running:
            return "success, running the container"
        return f"{int(self._pulled(age) * LAYERS):012x}: {HANGS}"

    def reachable(self, now: float) -> bool:
        """Whether its port is open."""
        opens = self.made + self.machine.running + self.machine.port
        return self.fate in RUNS and self.fate is not Fate.NO_PORT and opens <= now < self.made + self.breaks_down

    def is_healthy(self, now: float) -> bool:
        """Whether the backend reports that it is healthy."""
        return now >= self.made + self.healthy

    def downloaded(self, now: float) -> float:
        """Return the GB of the model that are on its disk."""
        return MODEL_GB * self._downloaded(now - self.made)

    def _pulled(self, age: float) -> float:
        machine = self.machine
        if self.fate is Fate.CLASH:
            return 0.0
        limit = {Fate.SILENT: machine.breaks, Fate.OFFLINE: OFFLINE}.get(self.fate, 1.0)
        return min(limit, age / machine.pull) if machine.pull else limit

    def _downloaded(self, age: float) -> float:
        if self.fate not in RUNS:
            return 0.0
        if self.fate is Fate.EXITED:
            age = min(age, self.breaks_down)
        limit = self.machine.breaks if self.fate is Fate.STALL else 1.0
        return max(0.0, min(limit, (age - self.machine.running) / self.machine.download))

    def traffic(self, now: float) -> float:
        """Return the GB that it has received."""
        age = min(now, self.ends) - self.made
        image = IMAGE_GB * self._pulled(age) if self.machine.pull else 0.0
        return image + MODEL_GB * self._downloaded(age)

    def bill(self, now: float) -> float:
        """Return the $ for it until then."""
        age = min(now, self.ends) - self.made
        gpu = max(0.0, age - self.machine.running) if self.fate in RUNS else 0.0
        return (gpu * (self.price - DISK_PER_HOUR) + age * DISK_PER_HOUR) / HOUR + self.traffic(
            now
        ) * self.machine.traffic


def megabytes(gigabytes: float) -> int:
    """Return GB (10^9 bytes) as MB, rounded down."""
    return int(gigabytes * GB)
