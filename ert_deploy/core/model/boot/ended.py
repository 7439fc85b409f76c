"""How rentals ended: what was learned of each, and the machines and hosts that are not rented for a while."""

from __future__ import annotations

from dataclasses import dataclass

MOST_LAUNCHES = 64  # about 10 kB


@dataclass(frozen=True, slots=True)
class Denied:
    """A machine that is not rented again before `until`, or with an empty `machine_id` all those of a host.

    `reason` is why the last rental failed, `evidence` how often or where the earlier ones did.
    """

    machine_id: str
    until: float
    reason: str
    host_id: str = ""
    evidence: str = ""

    @property
    def subject(self) -> str:
        """Return what is not rented: a machine, or a host."""
        return f"host {self.host_id}" if self.host_id and not self.machine_id else f"machine {self.machine_id}"


@dataclass(frozen=True, slots=True)
class Launched:
    """How one rental ended, at the time `at`: the backend was ready, or the machine failed.

    `advertised` and `rate` are the advertised and the measured download rate in Mb/s, `started` the seconds from the
    create call until the container ran with an image of `image_gb`; 0 if not measured.
    """

    machine_id: str
    host_id: str
    at: float
    healthy: bool
    advertised: float = 0.0
    rate: float = 0.0
    started: float = 0.0
    image_gb: float = 0.0
