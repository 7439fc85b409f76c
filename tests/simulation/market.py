"""GPU market of the simulator: offers, machines with boot time and bill, and the backend of each machine."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from functools import cache

from ert_deploy.core.model.boot.arming import BOOT as BOOT_WITHIN
from ert_deploy.core.model.boot.arming import IDLE, LIFETIME
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Instance, Offer, Vital
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast.messages import read
from tests.simulation.ids import nth, says

HOST, PORT_BASE = "203.0.113.7", 40000
MOVE = 10000  # ports by which a start may move an instance
DISK = 0.01  # $/h of every price
BOOT = 40.0  # seconds until ready; the container starts after half of it
PULLS = Vital.LOADING  # a name, as a lookup in an enum takes longer than a call on Python 3.11
MODEL = 13_800_000_000  # bytes that a slow machine downloads
UNREACHABLE, LOADING = Health(Vital.UNREACHABLE, "no route"), Health(Vital.LOADING, phase="pulling")
SICK, IMPOSTOR = Health(Vital.UNHEALTHY, "it says so"), Health(Vital.IMPOSTOR, "it cannot prove its identity")
# Must not be changed: an instance of another deployment, a clone that the config ignores, one without `Mark`, and one
# of a deployment with the same name in another project.
STRANGERS = (
    Instance(nth(901), Mark("other", "ab" * 16), "other", **says("running")),
    Instance(nth(902), None, "ert", **says("running")),
    Instance(nth(903), None, None, **says("exited")),
    Instance(
        nth(904), Mark("ert", "cd" * 16), "ert", **says("running"), born=Mark("ert", "cd" * 16),
        owner="their-project:aaaaaaaaaaaa",
    ),
)  # fmt: skip
BY_ID = {stranger.id: stranger for stranger in STRANGERS}
# State of a failed machine, as (status, intended, current, message).
TROUBLES = {
    "exit": ("exited", "running", "running", "exited"),
    "offline": ("offline", "running", "running", ""),
    "halted": ("exited", "stopped", "stopped", ""),
    "halting": ("running", "stopped", "running", ""),
    "stuck": ("exited", "running", "running", ""),
    "oci": ("loading", "running", "running", "OCI runtime create failed"),
    "clash": ("created", "running", "running", "Bind for 0.0.0.0:40001 failed: port is already allocated"),
    "unpulled": ("loading", "stopped", "stopped", "toomanyrequests: You have reached your pull rate limit"),
    "sick": ("running", "running", "running", "success"),
    "impostor": ("running", "running", "running", "success"),
}


def machine_of(offer_id: str) -> str:
    """The machine that an offer is of."""
    return str(int(offer_id) + 1000)


def host_of(offer_id: str) -> str:
    """The owner of the machine of an offer; the two cheapest machines have the same one."""
    return str(max(2, int(offer_id)))


def ip_of(offer_id: str) -> str:
    """The address of the machine of an offer, where several replicas have to be apart."""
    return f"192.0.2.{int(offer_id) + (offer_id == '3')}"


def offer(number: int) -> Offer:
    """Return an offer that matches the criteria; its price increases with the number."""
    return Offer(
        id=str(number), machine_id=machine_of(str(number)), gpu_name="RTX 3090", gpu_ram_mb=24576.0,
        dph_total=0.20 + number / 1000, reliability=0.995, inet_down=900.0,
        inet_down_cost=0.005, cuda=12.8, ports=8, duration=30 * 86400.0, disk_gb=200.0, geolocation="Sweden, SE",
        host_id=host_of(str(number)),
    )  # fmt: skip


@cache
def as_bids(offers: tuple[Offer, ...], more: float = 0.0) -> tuple[Offer, ...]:
    """Convert offers to interruptible ones: 50 % of the price of the GPU, `more`, and the full price of the disk."""
    halves = [(o, round((o.dph_total - DISK) / 2 + more, 6)) for o in offers]
    return tuple(replace(o, dph_total=bid + DISK, min_bid=bid) for o, bid in halves)


@cache
def dearer(offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Return the offers at a price above every configured limit."""
    return tuple(replace(o, dph_total=o.dph_total + 0.5) for o in offers)


STOCK = tuple(offer(n) for n in range(1, 5))
FRESH = tuple(offer(n) for n in range(5, 9))  # available after the last fault
# For several replicas: the two cheapest machines have the same owner, the two after them the same address.
MANY = tuple(replace(offer(n), ip=ip_of(str(n))) for n in range(1, 15))
MANY_FRESH = tuple(replace(offer(n), ip=ip_of(str(n))) for n in range(15, 23))


ENDS_WITH_A_STOP = ("exit", "stuck")


class Machine:
    """One rented machine. `ends`: end of the bill. `listed`, `found`: since when list and read by id return it.

    `ready`: when its backend is healthy; `slowed`: since when its download is slower than expected, 0 for never.
    `halted`: stopped, with costs for its disk only; `rests`: when reads report that. `taken`: the GPU is rented
    to a different client. `queued`: a pending start. `expired`: the rental period is over; it is stopped and cannot be
    started again. `outbid`: it starts automatically when the higher bid is removed. `labelled`, `environed`: list and
    read return the label and the environment of this deployment. `made`: start of the last boot. `keys`: hashes of the
    keys that its backend accepts, stored on its disk. `generation`: number of times the keys were set.
    """

    __slots__ = (
        "boot_secret",
        "certificate",
        "edited",
        "ends",
        "environed",
        "expired",
        "found",
        "generation",
        "halted",
        "healthy",
        "host",
        "id",
        "ip",
        "keys",
        "labelled",
        "leaves",
        "listed",
        "made",
        "mark",
        "offer",
        "order",
        "outbid",
        "port",
        "price",
        "queued",
        "ready",
        "rented",
        "rests",
        "showing",
        "slowed",
        "starting",
        "stopping",
        "taken",
        "trouble",
    )  # fmt: skip

    def __init__(self, number: int, order: CreateOrder, made: float, price: float) -> None:
        self.id, self.order, self.made, self.price = nth(number), order, made, price
        self.mark, self.offer = order.mark, order.offer_id
        self.rented = self.listed = self.found = made
        self.ready, self.slowed = made + BOOT, 0.0
        self.ends = self.leaves = float("inf")
        self.port = PORT_BASE + number
        self.ip, self.host = HOST, ""  # what a list shows of its place
        self.stopping = False  # it is meant to be stopped, and still bills
        self.halted = self.taken = self.queued = self.outbid = self.expired = False
        self.labelled = self.environed = True  # as rented; a user may edit both
        self.edited = 0  # number of the call at the time of the last change in the console
        self.rests = 0.0
        self.starting = 0  # start calls that were sent and take effect later
        self.trouble = ""
        self.showing: tuple[str, Instance] | None = None
        self.boot_secret = Secret(order.env["ERT_BOOT_SECRET"])
        self.keys, self.generation = tuple(order.env["ERT_KEY_HASHES"].split(",")), 0
        text = base64.b64encode(hashlib.sha256(f"{order.mark.token}{number}".encode()).digest()).decode()
        self.certificate = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        limits = (int(order.env[IDLE]), int(order.env[BOOT_WITHIN]), int(order.env[LIFETIME]))
        self.healthy = Health(
            Vital.HEALTHY, certificate=self.certificate, model="m", engine="ollama 0.35.0", limits=limits
        )

    def show(self, now: float) -> Instance:
        """Return the instance as listed by the provider; the same object until a change."""
        if self.trouble == "unpulled":
            phase = self.trouble
        elif self.halted:
            phase = "halted" if now >= self.rests else "halting"
        elif self.stopping:
            phase = "halting"
        else:
            phase = self.trouble or ("up" if now >= self.made + BOOT / 2 else "boot")
        if self.showing is None or self.showing[0] != phase:
            self.showing = phase, self._show(phase)
        return self.showing[1]

    def _show(self, phase: str) -> Instance:
        up = phase in ("up", "sick", "impostor")
        loading = ("loading", "running", "running", "pulling")
        plain = ("running", "running", "running", "success") if up else loading
        status, intended, current, message = TROUBLES.get(phase, plain)
        env = self.order.env
        shown = Instance(
            id=self.id, mark=self.mark, claims=self.mark.deployment, **says(status, intended, current),
            message=read(message), machine_id=machine_of(self.offer), gpu_name="RTX 3090", dph=self.price,
            started=self.rented, bid=self.order.launch.bid is not None,
            address=Address(self.ip, self.port) if up else None, spec=env["ERT_SPEC"], host_id=self.host,
            key_hashes=tuple(env["ERT_KEY_HASHES"].split(",")), boot_secret=self.boot_secret, born=self.mark,
            owner=env.get("ERT_OWNER", ""), label_token=self.mark.token,
        )  # fmt: skip
        if not self.labelled:
            shown = replace(shown, mark=None, claims=None, label_token="")
        if not self.environed:
            shown = replace(shown, mark=None, born=None, owner="", spec="", key_hashes=(), boot_secret=Secret(""))
        return shown

    @property
    def replica(self) -> int:
        """The replica that it was rented for."""
        return replica_of(self.mark.deployment)[1]

    def url(self) -> str:
        """The address of its backend."""
        return f"https://{self.ip}:{self.port}"

    def twin(self) -> Machine:
        """Return a copy. `copy` is slower by a factor of 3."""
        made = object.__new__(Machine)
        for name in self.__slots__:
            setattr(made, name, getattr(self, name))
        return made

    def may_start(self) -> bool:
        """Whether it may yet start by an earlier call."""
        return self.queued or self.outbid or self.starting > 0

    def halt(self, now: float, lag: float = 0.0) -> None:
        """Stop the instance and free the GPU. This clears the fault of the container."""
        self.queued = self.outbid = False
        self.stopping = False
        if not self.halted:
            self.halted, self.rests = True, now + lag
            self.trouble = "" if self.trouble in ENDS_WITH_A_STOP else self.trouble

    def wake(self, now: float, moves: int = 0) -> None:
        """Boot a stopped instance; no-op if it is running."""
        self.queued = self.outbid = self.stopping = False
        if self.halted and self.trouble != "unpulled":
            self.halted, self.made, self.ready, self.slowed = False, now, now + BOOT, 0.0
            self.port += moves

    def slow_down(self, now: float, seconds: float) -> None:
        """Let a boot take so many more seconds than expected: its download goes on, slowly."""
        if now < self.ready and not self.slowed:
            self.ready, self.slowed = self.ready + seconds, now

    def answer(self, now: float) -> Health:
        """Return the result of a probe of the backend."""
        if self.trouble:
            return {"sick": SICK, "impostor": IMPOSTOR}.get(self.trouble, UNREACHABLE)
        if now >= self.ready or not self.slowed:
            return self.healthy if now >= self.ready else LOADING
        arrived = int(MODEL * (now - self.slowed) / (self.ready - self.slowed))
        return Health(PULLS, phase="pulling", completed=arrived, total=MODEL)
