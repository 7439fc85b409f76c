"""GPU host that keeps audit logs: reads that of a machine before it sends the call that destroys it.

A read that fails is reported and delays nothing: it is tried once per machine, within the timeout of its reader.
"""

from __future__ import annotations

from collections.abc import Callable

from ert_deploy.adapters.audit.shelf import AuditShelf
from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import Account, Audience, CreateOrder, GpuHost, Turn

Read = Callable[[Instance], tuple[str, ...]]


class AuditedHost:
    """`host`, whose machines are asked by `read` for their newest audit lines; `shelf` keeps them."""

    def __init__(self, host: GpuHost, read: Read, shelf: AuditShelf, audience: Audience) -> None:
        self._host = host
        self.cloud = host.cloud
        self._read = read
        self._shelf = shelf
        self._audience = audience
        self._listed: dict[InstanceId, Instance] = {}
        self._tried: set[InstanceId] = set()

    def account(self) -> Account:
        """Return the account of the key. Raises what the host raises, as all methods do."""
        return self._host.account()

    def account_variables(self) -> tuple[str, ...] | None:
        """Return the names of the variables that the account adds to every container."""
        return self._host.account_variables()

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances."""
        found = self._host.list_instances()
        self._listed = {instance.id: instance for instance in found}
        return found

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
        """Keep the audit log of the machine if it can be read now, then delete the machine."""
        if instance_id not in self._tried:
            self._tried.add(instance_id)
            self._keep(instance_id)
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

    def _keep(self, instance_id: InstanceId) -> None:
        """Read and store it. A machine that does not run, or has no public port, has nothing to read it from."""
        instance = self._listed.get(instance_id)
        if instance is None or instance.halted or instance.address is None or instance.mark is None:
            return
        try:
            self._shelf.keep(instance_id, self._read(instance))
        except (ErtError, OSError) as error:
            why = error.summary if isinstance(error, ErtError) else error.strerror or "it cannot be written"
            self._audience.tell(Trouble(f"the audit log of instance {instance_id} was not kept", why))
