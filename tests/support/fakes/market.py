"""A GPU market in memory: offers, instances that boot and cost money, and a backend in each of them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ert_deploy.core.model.boot.arming import BOOT, IDLE, LIFETIME
from ert_deploy.core.model.boot.container import read as read_container
from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.errors import (
    Gone,
    OfferGone,
    OutcomeUnknown,
    Rejected,
    StartRefused,
    StateConflict,
    Transient,
)
from ert_deploy.core.model.labels import Mark, read_birth
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Address, Health, Instance, Offer, Vital
from ert_deploy.core.model.provider import ORDINARY, InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Account, CreateOrder, Turn
from ert_deploy.providers.vast.messages import read
from tests.support.fakes.timing import FakeClock, Plans
from tests.support.ids import nth
from tests.support.vast.says import says

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
PORT_BASE = 40000


def certificate(token: str) -> str:
    """Return a PEM-shaped certificate that belongs to one token."""
    return PEM.format(base64.b64encode(hashlib.sha256(token.encode()).digest()).decode())


@dataclass
class FakeInstance:
    """One instance and its creation time; `boot` is in seconds until healthy, `destroyed` is the end of billing.

    `halted`: it is stopped and only its disk is billed. `taken`: its GPU is rented to another customer. `starts` counts
    the effective starts; each moves it by `moves` ports. `keys` are the hashes its backend accepts, set `generation`
    times since its creation.
    """

    order: CreateOrder
    id: InstanceId
    machine_id: str
    made: float
    dph: float
    boot: float = 60.0
    destroyed: float | None = None
    rented: float = field(init=False)
    port: int = field(init=False)
    halted: bool = False
    taken: bool = False
    starts: int = 0
    moves: int = 0
    generation: int = 0
    keys: tuple[str, ...] = field(init=False)
    limits: tuple[int, int, int] = field(init=False)
    host_id: str = ""
    override: Callable[[Instance], Instance] | None = None
    health: Health | None = None

    def __post_init__(self) -> None:
        self.rented = self.made
        self.port = PORT_BASE + (int(self.id) if self.id.isdecimal() else zlib.crc32(self.id.encode()) % 9000)
        self.keys = tuple(self.order.env["ERT_KEY_HASHES"].split(","))
        idle, boot, lifetime = (int(self.order.env[name]) for name in (IDLE, BOOT, LIFETIME))
        self.limits = (idle, boot, lifetime)


def offer(number: int, **changes: object) -> Offer:
    """Return an offer that meets the default criteria; the lower the number, the cheaper."""
    base = Offer(
        id=str(number), machine_id=str(number + 1000), gpu_name="RTX 3090", gpu_ram_mb=24576.0,
        dph_total=0.20 + number / 1000, reliability=0.995, inet_down=900.0,
        inet_down_cost=0.005, cuda=12.8, ports=8, duration=30 * 86400.0, disk_gb=200.0, geolocation="Sweden, SE",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


class FakeGpu:
    """A market and its instances.

    `conduct` changes instances created on a machine. `hidden` and `unknown` are the seconds during which a new
    instance is neither listed nor found by id; `lingers` those during which a destroyed one still is. `slow_list` is
    the age of a listing on arrival. `harmed` are destroyed instances that the deployment did not own, unless an
    operator has `decided` to destroy them.
    """

    def __init__(self, clock: FakeClock, offers: tuple[Offer, ...] = ()) -> None:
        self.cloud = ORDINARY
        self.clock = clock
        self.offers = offers or tuple(offer(n) for n in range(1, 13))
        self.instances: dict[InstanceId, FakeInstance] = {}
        self.foreign: list[Instance] = []
        self.harmed: list[InstanceId] = []
        self.restarted: list[InstanceId] = []
        self.decided: set[InstanceId] = set()
        self.conduct: dict[str, Callable[[FakeInstance], object]] = {}
        self.faults = Plans(clock)
        self.numbers = itertools.count(500)
        self.credit = 10.0
        self.log = ""  # of every container
        self.account_id = "424242"
        self.elsewhere = False  # the key belongs to an account that has none of the instances
        self.dates = True
        self.paces = 0.0
        self.hidden = self.unknown = self.lingers = self.slow_list = 0.0
        self.late: list[tuple[float, CreateOrder]] = []
        self.most_paid = 0
        self.turns: list[Turn] = []  # the awaited ones
        self.log = ""
        clock.hooks.append(self._land)

    def account(self) -> Account:
        self.faults.before("account")
        return Account(self.credit, "dev@example.org", self.account_id)

    def account_variables(self) -> tuple[str, ...] | None:
        self.faults.before("account_variables")
        return ()

    def list_instances(self) -> tuple[Instance, ...]:
        self.faults.before("list")
        shown = (*self.foreign, *(self._show(i) for i in self.instances.values() if self._visible(i, self.hidden)))
        self.clock.go_on(self.slow_list)
        if self.elsewhere:
            return ()
        return shown

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        self.faults.before("get")
        found = self.instances.get(instance_id) if not self.elsewhere else None
        if found is not None:
            return self._show(found) if self._visible(found, self.unknown) else None
        return next((i for i in self.foreign if i.id == instance_id), None)

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        self.faults.before("search")
        return tuple(o for o in self.offers if not self._taken(o.id))

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        self.faults.before("quote")
        return next((o for o in self.offers if o.id == offer.id and not self._taken(o.id)), None)

    def await_turn(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.clock.go_on(self.paces)

    def create(self, order: CreateOrder) -> InstanceId:
        """Queued faults by their detail: "before", "late SECONDS", "twice"; all others are raised after the effect."""
        limits = [int(order.env[name]) for name in ("ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME")]
        assert min(limits) > 0, f"a machine is asked for that would not stop by itself: {limits}"
        error = self.faults.due("create")
        if isinstance(error, OfferGone) or (error is not None and error.detail == "before"):
            raise error
        if isinstance(error, OutcomeUnknown) and error.detail.startswith("late"):
            self.late.append((self.clock.real() + float(error.detail.split()[1]), order))
            raise error
        if self._taken(order.offer_id) or all(o.id != order.offer_id for o in self.offers):
            raise OfferGone("no_such_ask")
        made = self._make(order, self.clock.real())
        if error is not None and error.detail == "twice":
            self._make(order, self.clock.real())
        if error is not None:
            raise error
        return made

    def destroy(self, instance_id: InstanceId) -> None:
        error = self.faults.due("destroy")
        if error is not None and error.detail != "after":
            raise error
        self.harmed += [i.id for i in self.foreign if i.id == instance_id]
        found = self.instances.get(instance_id)
        if found is not None and found.destroyed is None:
            ours = self._show(found).born == found.order.mark or found.id in self.decided
            self.harmed += [] if ours else [found.id]
            found.destroyed = self.clock.real()
        if error is not None:
            raise error

    def start(self, instance_id: InstanceId) -> None:
        """Queued faults are raised before the effect, with the detail "after" after it."""
        error = self.faults.due("start")
        if error is not None and error.detail != "after":
            raise error
        made = self._existing(instance_id)
        if made.taken:
            raise StartRefused("resources_unavailable")
        if made.halted:
            made.halted, made.made, made.starts = False, self.clock.real(), made.starts + 1
            made.port += made.moves
        if error is not None:
            raise error

    def stop(self, instance_id: InstanceId) -> None:
        error = self.faults.due("stop")
        if error is not None and error.detail != "after":
            raise error
        self._existing(instance_id).halted = True
        if error is not None:
            raise error

    def restart(self, instance_id: InstanceId) -> None:
        self.faults.before("restart")
        self._existing(instance_id)
        self.restarted.append(instance_id)

    def _existing(self, instance_id: InstanceId) -> FakeInstance:
        made = self.instances.get(instance_id)
        if made is None or made.destroyed is not None:
            raise Gone(f"no_such_instance {instance_id}")
        return made

    def running(self) -> tuple[InstanceId, ...]:
        """Return the instances whose GPU is in use, and billed."""
        return tuple(i for i in self.paid() if not self.instances[i].halted)

    def date(self) -> float | None:
        return self.clock.real() if self.dates else None

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        self.faults.before("logs")
        return self.log or f"log of {instance_id}"

    def paid(self) -> tuple[InstanceId, ...]:
        """Return the existing instances, which all cost money."""
        return tuple(i.id for i in self.instances.values() if i.destroyed is None)

    def only(self) -> FakeInstance:
        """Return the one existing instance."""
        (number,) = self.paid()
        return self.instances[number]

    def _taken(self, offer_id: str) -> bool:
        return any(i.order.offer_id == offer_id and i.destroyed is None for i in self.instances.values())

    def _visible(self, made: FakeInstance, lag: float) -> bool:
        now = self.clock.real()
        if made.destroyed is not None:
            return now < made.destroyed + self.lingers
        return now >= made.made + lag

    def _land(self) -> None:
        for due, order in [x for x in self.late if x[0] <= self.clock.real()]:
            self.late.remove((due, order))
            self._make(order, due)

    def _make(self, order: CreateOrder, now: float) -> InstanceId:
        number = self._name(next(self.numbers))
        bought = next(o for o in self.offers if o.id == order.offer_id)
        made = FakeInstance(order, number, bought.machine_id, now, order.launch.hourly(bought), host_id=bought.host_id)
        if bought.machine_id in self.conduct:
            self.conduct[bought.machine_id](made)
        self.instances[number] = made
        self.most_paid = max(self.most_paid, len(self.paid()))
        return number

    def _name(self, number: int) -> InstanceId:
        return nth(number)

    def _show(self, made: FakeInstance) -> Instance:
        env, age = made.order.env, self.clock.real() - made.made
        up = age >= made.boot / 2 and not made.halted
        contract = "stopped" if made.halted else "running"
        status = "exited" if made.halted else "running" if up else "loading"
        shown = Instance(
            id=made.id,
            mark=made.order.mark,
            claims=made.order.mark.deployment,
            **says(status, contract, contract),
            message=read("success" if up else f"pulling, {int(age)} s"),
            machine_id=made.machine_id,
            host_id=made.host_id,
            gpu_name="RTX 3090",
            dph=made.dph,
            disk_dph=0.01,
            started=made.rented,
            address=Address("203.0.113.7", made.port) if up else None,
            spec=env["ERT_SPEC"],
            key_hashes=tuple(env["ERT_KEY_HASHES"].split(",")),
            boot_secret=Secret(env["ERT_BOOT_SECRET"]),
            born=read_birth(env),
            owner=env.get("ERT_OWNER", ""),
            agreed=float(env.get("ERT_GPU_PRICE_PER_HOUR", "0")),
            label_token=made.order.mark.token,
            container=read_container(made.order.launch.image, made.order.launch.disk_gb, False, env),
        )
        return made.override(shown) if made.override else shown


class FakeBackend:
    """The backends inside the instances of a FakeGpu: loading, then healthy with a certificate of their own."""

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.faults = Plans(gpu.clock)
        self.refuses_key = False
        self.says_keys = self.says_limits = True  # False for an older image
        self.changes: list[tuple[str, ...]] = []
        self.kept: list[Address] = []  # of the machines whose idle time was to begin again
        self.reports = 0
        self.reported = Figures()
        self.certificate: Callable[[FakeInstance], str] = lambda made: certificate(made.order.mark.token)

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        fault, made = self.faults.due("probe"), self._at(address)
        if made is None or fault is not None:
            return Health(Vital.UNREACHABLE, "no route")
        if made.health is not None:
            return made.health
        if made.order.mark != mark or made.order.env["ERT_BOOT_SECRET"] != boot_secret.reveal():
            return Health(Vital.IMPOSTOR, "it cannot prove its identity")
        age = self.gpu.clock.real() - made.made
        if age < made.boot:
            return Health(Vital.LOADING, phase="pulling", completed=int(age), total=int(made.boot))
        limits = made.limits if self.says_limits else None
        return Health(
            Vital.HEALTHY, certificate=self.certificate(made), model="m", engine="ollama 0.35.0", limits=limits
        )

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        self.faults.before("accepts")
        return not self.refuses_key and key.sha256() in self._holder(address, certificate).keys

    def keys_in_force(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
        self.faults.before("keys_in_force")
        made = self._holder(address, certificate, boot_secret)
        return made.generation, made.keys if self.says_keys else ()

    def set_limits(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        self.faults.before("set_limits")
        self._holder(address, certificate, boot_secret).limits = limits

    def keep_awake(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        """Begin the idle time of a machine again, which a real guard counts."""
        self.faults.before("keep_awake")
        assert self._holder(address, certificate, boot_secret).limits == limits
        self.kept.append(address)

    def set_keys(
        self, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        """Queued faults are raised before the effect, with the detail "after" after it."""
        error, made = self.faults.due("set_keys"), self._holder(address, certificate, boot_secret)
        if error is not None and error.detail != "after":
            raise error
        repeated = (generation, set(hashes)) == (made.generation, set(made.keys))
        if generation <= made.generation and not repeated:
            raise StateConflict("stale")
        made.keys, made.generation = hashes, generation
        self.changes.append(hashes)
        if error is not None:
            raise error

    def _holder(self, address: Address, certificate: str, boot_secret: Secret | None = None) -> FakeInstance:
        made = self._at(address)
        if made is None or self.certificate(made) != certificate:
            raise Transient("no line to the holder of that certificate")
        if boot_secret is not None and boot_secret.reveal() != made.order.env["ERT_BOOT_SECRET"]:
            raise Rejected("401")
        return made

    def busy(self, address: Address, certificate: str, key: Secret) -> int:
        self.faults.before("busy")
        self.reports = max(0, self.reports - 1)
        return self.reports

    def figures(self, address: Address, certificate: str, key: Secret) -> Figures:
        self.faults.before("figures")
        if key.sha256() not in self._holder(address, certificate).keys:
            raise Transient("it rejects the key")
        return self.reported

    def _at(self, address: Address) -> FakeInstance | None:
        up = (i for i in self.gpu.instances.values() if i.destroyed is None and not i.halted)
        return next((i for i in up if i.port == address.port), None)
