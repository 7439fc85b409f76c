"""GPU host that passes every call on to another one, for those that add something to a few of them."""

from __future__ import annotations

from ert_deploy.core.ledger.statement import Item
from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.notices.increase import PriceIncrease
from ert_deploy.ports import Account, CreateOrder, GpuHost, Turn
from ert_deploy.store_ports import PriceIncreases, Statements


class PassingHost:
    """All methods of a `GpuHost`, as `host` has them."""

    def __init__(self, host: GpuHost) -> None:
        self._host = host
        self.cloud = host.cloud

    def account(self) -> Account:
        """Return the account of the key. Raises what the host raises, as all methods do."""
        return self._host.account()

    def account_variables(self) -> tuple[str, ...] | None:
        """Return the names of the variables that the account adds to every container."""
        return self._host.account_variables()

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances."""
        return self._host.list_instances()

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        """Return one instance."""
        return self._host.get_instance(instance_id)

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Return offers."""
        return self._host.search(criteria, launch, wide=wide)

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        """Return the offer as it is now."""
        return self._host.quote(offer, launch)

    def await_turn(self, turn: Turn) -> None:
        """Wait until the provider's rate limits permit such a call."""
        self._host.await_turn(turn)

    def create(self, order: CreateOrder) -> InstanceId:
        """Send one create call."""
        return self._host.create(order)

    def destroy(self, instance_id: InstanceId) -> None:
        """Delete an instance."""
        self._host.destroy(instance_id)

    def start(self, instance_id: InstanceId) -> None:
        """Start an instance."""
        self._host.start(instance_id)

    def stop(self, instance_id: InstanceId) -> None:
        """Stop an instance."""
        self._host.stop(instance_id)

    def restart(self, instance_id: InstanceId) -> None:
        """Restart a container."""
        self._host.restart(instance_id)

    def date(self) -> float | None:
        """Return the provider's time."""
        return self._host.date()

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        """Return the last lines of a container's log."""
        return self._host.logs(instance_id, tail)

    def charges(self, first: float, last: float) -> tuple[Item, ...] | None:
        """Return what the provider has charged; None if it has no statement, or none that the key may read."""
        return self._host.charges(first, last) if isinstance(self._host, Statements) else None

    def price_increases(self) -> tuple[PriceIncrease, ...] | None:
        """Return the open offers to prolong a contract at a higher price; None if the provider knows no such offers."""
        return self._host.price_increases() if isinstance(self._host, PriceIncreases) else None
