"""GPU host that keeps audit logs: reads that of a machine before it sends the call that destroys it.

A read that fails is reported and delays nothing: it is tried once per machine, within the timeout of its reader.
"""

from __future__ import annotations

from collections.abc import Callable

from ert_deploy.adapters.audit.shelf import AuditShelf
from ert_deploy.adapters.passing_host import PassingHost
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import Audience, GpuHost

Read = Callable[[Instance], tuple[str, ...]]


class AuditedHost(PassingHost):
    """`host`, whose machines are asked by `read` for their newest audit lines; `shelf` keeps them."""

    def __init__(self, host: GpuHost, read: Read, shelf: AuditShelf, audience: Audience) -> None:
        super().__init__(host)
        self._read = read
        self._shelf = shelf
        self._audience = audience
        self._listed: dict[InstanceId, Instance] = {}
        self._tried: set[InstanceId] = set()

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances."""
        found = self._host.list_instances()
        self._listed = {instance.id: instance for instance in found}
        return found

    def destroy(self, instance_id: InstanceId) -> None:
        """Keep the audit log of the machine if it can be read now, then delete the machine."""
        if instance_id not in self._tried:
            self._tried.add(instance_id)
            self._keep(instance_id)
        self._host.destroy(instance_id)

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
