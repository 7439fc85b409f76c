"""What the provider lists of a rental, and what its backend reports: the values that the engine observes."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.launch.machines import Fate
from benchmarks.launch.parameters import MODEL_GB
from benchmarks.launch.rental import MESSAGES, Rental, megabytes
from benchmarks.launch.session import PROBE
from ert_deploy.core.model.observed import Address, Health, Instance, Power, Vital
from ert_deploy.core.model.provider import InstanceId, Notice
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder

SILENCE = 15.0  # s until a probe of a port that drops everything gives up, as the product's own
FIRST_PORT = 40_000
POWERS = {"exited": Power.EXITED, "offline": Power.UNKNOWN, "running": Power.RUNNING}
ENDED = ("exited", "offline")
CLOSED = Health(Vital.UNREACHABLE, "connection refused")
FILTERED = Health(Vital.UNREACHABLE, "timed out")
MEGABYTE = 1_000_000


@dataclass(slots=True, eq=False)
class Boot:
    """One rental with the order of the engine. The objects that it returns are kept until something changes."""

    rental: Rental
    id: InstanceId
    order: CreateOrder
    address: Address = field(init=False)
    certificate: str = field(init=False)
    _key: tuple[str, str] = field(default=("", ""), init=False)
    _shown: Instance | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Give it an address and a certificate of its own."""
        self.address = Address(self.rental.machine.ip, FIRST_PORT + self.rental.number)
        self.certificate = f"-----BEGIN CERTIFICATE-----\n{self.order.mark.token}\n-----END CERTIFICATE-----\n"

    def health(self, now: float) -> tuple[Health, float]:
        """Return what a probe at that time finds, and how many seconds it takes."""
        rental = self.rental
        if rental.fate is Fate.NO_PORT and rental.status(now) == "running":
            return FILTERED, SILENCE
        if not rental.reachable(now):
            return CLOSED, PROBE
        if rental.is_healthy(now):
            return Health(Vital.HEALTHY, certificate=self.certificate, model="m", engine="ollama"), PROBE
        done = rental.downloaded(now)
        if done >= MODEL_GB:
            return Health(Vital.LOADING, phase="loading", certificate=self.certificate), PROBE
        return Health(
            Vital.LOADING, phase="pulling", completed=megabytes(done) * MEGABYTE, total=megabytes(MODEL_GB) * MEGABYTE,
            certificate=self.certificate,
        ), PROBE  # fmt: skip


def shown(boot: Boot, now: float) -> Instance:
    """Return the instance as the provider lists it."""
    status, message = boot.rental.status(now), boot.rental.message(now)
    if boot._shown is None or boot._key != (status, message):
        boot._key, boot._shown = (status, message), _instance(boot, status, message)
    return boot._shown


def _instance(boot: Boot, status: str, message: str) -> Instance:
    order, machine = boot.order, boot.rental.machine
    failed = message in MESSAGES.values()
    return Instance(
        id=boot.id, mark=order.mark, claims=order.mark.deployment, status=status,
        power=POWERS.get(status, Power.STARTING), ended=status in ENDED,
        message=Notice(
            message, progress=not failed, wrong=failed, permanent=failed, of_host=failed, of_image=False,
            port_taken=message == MESSAGES[Fate.CLASH],
        ),
        machine_id=machine.id, gpu_name=machine.gpu, geolocation=f"Somewhere, {machine.host.country}",
        dph=boot.rental.price, started=boot.rental.made, address=boot.address if status == "running" else None,
        spec=order.env["ERT_SPEC"], key_hashes=tuple(order.env["ERT_KEY_HASHES"].split(",")),
        boot_secret=Secret(order.env["ERT_BOOT_SECRET"]), born=order.mark, owner=order.env.get("ERT_OWNER", ""),
        label_token=order.mark.token,
    )  # fmt: skip
