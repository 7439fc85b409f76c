"""Account state: offers, instances, other users and credit, protected by one lock.

`tick` updates all of it to the current time; it is called before every request is handled and by a background thread.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.machines import Command, Machines, Ports
from ert_deploy.sandbox.vast.billing import Bill, open_span, row_of
from ert_deploy.sandbox.vast.conditions.churn import Churn
from ert_deploy.sandbox.vast.conditions.hosts import Hosts
from ert_deploy.sandbox.vast.conditions.knobs import Gone, Knobs
from ert_deploy.sandbox.vast.conditions.tenancy import Takers, Tenant
from ert_deploy.sandbox.vast.container_env import Site, environment
from ert_deploy.sandbox.vast.contract import IDENTITY_FROM, Contract, Order, Phase
from ert_deploy.sandbox.vast.faults import Troubles
from ert_deploy.sandbox.vast.lifecycle import Life
from ert_deploy.sandbox.vast.market import DAY, Ask
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.user.model import User

FIRST_CONTRACT = 27_000_000
# F32
KEPT_AFTER_END = 2 * DAY


class Estate:
    """The state of market and account. All methods require the lock: `with estate.lock`."""

    def __init__(
        self,
        clock: WorldClock,
        *,
        asks: Iterable[Ask],
        directory: Path,
        site: Site,
        command: Command,
        options: Options,
        seed: int = 1,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.options = options
        self.asks = {ask.id: ask for ask in asks}
        self.contracts: dict[int, Contract] = {}
        self.tenants = {ask.id: Tenant() for ask in self.asks.values() if ask.rented}
        self.lost: dict[int, float | None] = {}
        self.payments = [(clock.now(), options.credit)]
        self.troubles = Troubles()
        self.machines = Machines(directory)
        self.user = User()
        self.life = Life(options, self.troubles, self.machines, self._launch, self._readdress)
        self._seed = seed
        self._hosts = Hosts(self.asks.values(), seed)
        self.set_knobs(options.knobs)
        self._ports = Ports()
        self._site = site
        self._command = command

    def live(self) -> Iterator[Contract]:
        """Iterate over the existing instances, oldest first."""
        return (c for c in list(self.contracts.values()) if c.destroyed is None)

    def get(self, id: int) -> Contract | None:
        """Return an existing instance, or None."""
        contract = self.contracts.get(id)
        return contract if contract is not None and contract.destroyed is None else None

    def taken(self, ask: Ask, bid: float | None = None, but: Contract | None = None) -> bool:
        """Whether the offer's GPU is unavailable at this bid; the instance `but` is ignored."""
        return self.doubled(ask, but) or self.kept_out(ask, bid)

    def kept_out(self, ask: Ask, bid: float | None) -> bool:
        """Whether another user or an offline host makes the offer's GPU unavailable at this bid."""
        tenant = self.tenants.get(ask.id)
        return ask.machine_id in self.lost or (tenant is not None and tenant.keeps_out(bid))

    def doubled(self, ask: Ask, but: Contract | None = None) -> bool:
        """Whether another instance of this account than `but` already uses the offer's GPU."""
        return any(c.ask.id == ask.id and c.uses_gpu and c is not but for c in self.live())

    def set_knobs(self, knobs: Knobs) -> None:
        """Change the conditions of the market from now on; users who are on a GPU stay."""
        self.knobs = knobs
        self._churn = Churn(knobs, self._seed, self.clock.now())
        self._takers = Takers(knobs, self._seed)
        self._hosts.apply(self.asks, knobs)

    def gone_shape(self, id: int) -> Gone:
        """Return the form of the response about an instance that does not exist; it varies after a destroy."""
        contract, knobs = self.contracts.get(id), self.knobs
        if contract is None or contract.destroyed is None or not knobs.gone:
            return self.options.gone_shape
        if self.clock.now() - contract.destroyed > knobs.gone_for:
            return self.options.gone_shape
        contract.missed += 1
        return knobs.gone[(contract.missed - 1) % len(knobs.gone)]

    def winning_bid(self, ask: Ask) -> float:
        """Return a bid in $/h that gets the offer's GPU: the minimum, or a cent above the bid of another user."""
        tenant = self.tenants.get(ask.id)
        return max(ask.min_bid, 0.0 if tenant is None or tenant.price is None else tenant.price + 0.01)

    def rent(self, ask: Ask, order: Order, *, running: bool) -> Contract:
        """Create an instance, which is stopped unless `running`."""
        contract = self._signed(ask, order, max((FIRST_CONTRACT, *self.contracts)) + 11, self._give_ports(order))
        contract.image_left = self.options.image_gb
        contract.model_left = self.options.model_gb.get(order.env.get("ERT_MODEL", ""), 0.0)
        return self._begun(contract, running)

    def add(self, ask: Ask, order: Order, *, id: int, ports: Mapping[str, int], running: bool) -> Contract:
        """Add an instance from before the start, with its image and model. Raises `OSError` when a port is in use."""
        for port in ports.values():
            self._ports.claim(port)
        self.asks[ask.id] = ask
        contract = self._signed(ask, order, id, ports)
        contract.ran = True
        return self._begun(contract, running)

    def _signed(self, ask: Ask, order: Order, id: int, ports: Mapping[str, int]) -> Contract:
        return Contract(
            id=id,
            ask=ask,
            order=order,
            key=secrets.token_hex(32),
            created=self.clock.now(),
            ends=ask.end_date,
            label=order.label,
            bid=order.bid,
            address="127.0.0.1",
            told_address="127.0.0.1",
            ports=dict(ports),
            image_left=0.0,
            model_left=0.0,
        )

    def _begun(self, contract: Contract, running: bool) -> Contract:
        contract.intended = contract.current = "running" if running else "stopped"
        contract.clashes = running and self.doubled(contract.ask)
        self.contracts[contract.id] = contract
        self.life.begin(contract, contract.created)
        return contract

    def destroy(self, contract: Contract) -> None:
        """Destroy an instance and release its ports."""
        self.life.destroy(contract, self.clock.now())
        self._ports.take_back(tuple(contract.ports.values()))

    def new_ports(self, contract: Contract) -> None:
        """Allocate other external ports, as `recycle` does."""
        self._ports.take_back(tuple(contract.ports.values()))
        contract.ports = self._give_ports(contract.order)

    def bill(self) -> Bill:
        """Return the current bill of all instances."""
        now = self.clock.now()
        rows = (row_of(c.id, c.label, c.ask.card.name, c.meter, now) for c in self.contracts.values())
        return Bill(now, tuple(rows))

    def credit(self) -> float:
        """Return the remaining credit in $."""
        return sum(amount for _, amount in self.payments) - self.bill().total

    def pay(self, amount: float) -> None:
        """Add a payment in $ to the credit; a negative one takes from it."""
        self.payments.append((self.clock.now(), amount))

    def tick(self) -> None:
        """Update everything to the current time."""
        now = self.clock.now()
        for id in self.machines.tend():
            self.life.ended(self.contracts[id], now)
        self._end_tenancies(now)
        self._churn.tick(self.asks, self.tenants, self.contracts.values(), now)
        self._takers.tick(self.live(), self.tenants, now)
        broke = self.credit() <= 0
        for contract in self.live():
            self._look_after(contract, now, broke)

    def _look_after(self, contract: Contract, now: float, broke: bool) -> None:
        if contract.uses_gpu and (broke or now >= contract.ends):
            self.life.stop(contract, now)
        self._raise_price(contract, now)
        if now >= contract.ends + KEPT_AFTER_END:
            self.destroy(contract)
            return
        self._compete(contract, now, broke or now >= contract.ends)
        self.life.advance(contract, now)

    def _raise_price(self, contract: Contract, now: float) -> None:
        """Apply an accepted price increase once its time has come."""
        increase = contract.increase
        if increase is None or not increase.accepted or now < increase.starts:
            return
        contract.increase, contract.raised = None, increase.rate
        if contract.bid is None and contract.meter.gpu and contract.meter.gpu[-1].end is None:
            open_span(contract.meter.gpu, max(increase.starts, contract.meter.gpu[-1].start), increase.rate)

    def _compete(self, contract: Contract, now: float, barred: bool) -> None:
        """Preempt or resume an instance by its bid; run a delayed start when the GPU is available."""
        tenant = self.tenants.get(contract.ask.id)
        overbid = tenant is not None and tenant.price is not None and tenant.keeps_out(contract.bid)
        if overbid and contract.uses_gpu:
            self.life.stop(contract, now)
            contract.outbid = True
        elif (contract.outbid or contract.queued) and not barred and not self.taken(contract.ask, contract.bid):
            self.life.start(contract, now)

    def _end_tenancies(self, now: float) -> None:
        for id, tenant in list(self.tenants.items()):
            if tenant.until is not None and now >= tenant.until:
                del self.tenants[id]
        for machine, until in list(self.lost.items()):
            if until is not None and now >= until:
                del self.lost[machine]
                for contract in self.live():
                    if contract.ask.machine_id == machine and contract.phase is Phase.OFFLINE:
                        self.life.find_host(contract, now)

    def _launch(self, contract: Contract) -> None:
        disk = self.machines.disk(contract.id)
        keys = {"SSH_PUBLIC_KEY": "\n".join(key.text for key in self.user.ssh_keys.values())}
        env = (
            (keys if self.user.ssh_keys else {})
            | self.user.variables
            | environment(contract, self._site, disk, self.troubles)
        )
        self.machines.start(contract.id, self._command, env)

    def _readdress(self, contract: Contract) -> None:
        moved = self.troubles.use("ip_changes", contract.ask, contract)
        if moved is not None:
            contract.address = str(moved.details["to"])
        if self.troubles.use("ports_change", contract.ask, contract):
            self.new_ports(contract)

    def _give_ports(self, order: Order) -> dict[str, int]:
        """Allocate an external port for each published one; from 70000 on, both are equal."""
        given = {name: self._ports.give() for name in order.published()}
        return {
            (f"{port}/{name.partition('/')[2]}" if int(name.partition("/")[0]) >= IDENTITY_FROM else name): port
            for name, port in given.items()
        }
