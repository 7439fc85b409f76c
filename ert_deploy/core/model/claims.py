"""Claims: owners of a deployment, and instances that the operator assigned or excluded; part of the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ert_deploy.core.model.provider import InstanceId


@dataclass(frozen=True, slots=True)
class Claims:
    """`owners` are owner ids and `services` are hashes of service ids that the deployment was rented for.

    `adopted` are instances that the operator assigned regardless of `label` and environment, `ignored` are those that
    the operator excluded.
    """

    owners: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    adopted: tuple[InstanceId, ...] = ()
    ignored: tuple[InstanceId, ...] = ()

    def claimed(self, owner: str, services: Iterable[str], *, replacing: bool) -> Claims:
        """Add the owner and the services; with `replacing`, remove all previous ones."""
        owners, known = {*filter(None, [owner])}, {*services}
        if not replacing:
            owners, known = owners.union(self.owners), known.union(self.services)
        return replace(self, owners=tuple(sorted(owners)), services=tuple(sorted(known)))

    def adopting(self, instance_id: InstanceId) -> Claims:
        """Add the instance, as requested by the operator."""
        adopted = tuple(sorted({*self.adopted, instance_id}))
        return replace(self, adopted=adopted, ignored=tuple(i for i in self.ignored if i != instance_id))

    def ignoring(self, instance_id: InstanceId) -> Claims:
        """Exclude the instance, as requested by the operator."""
        return replace(self.released(instance_id), ignored=tuple(sorted({*self.ignored, instance_id})))

    def released(self, instance_id: InstanceId) -> Claims:
        """Remove the adoption of an instance that no longer exists."""
        if instance_id not in self.adopted:
            return self
        return replace(self, adopted=tuple(i for i in self.adopted if i != instance_id))


NO_CLAIMS = Claims()
