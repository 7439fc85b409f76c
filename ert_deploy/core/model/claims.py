"""Whose a deployment is, and what a person decided about single instances: a part of the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ert_deploy.core.model.provider import InstanceId


@dataclass(frozen=True, slots=True)
class Claims:
    """`owners` are owner ids and `services` hashes of service ids that the deployment was rented for.

    `adopted` are instances that a person said are ours whatever marks they bear, `ignored` those that a person said are
    not our business.
    """

    owners: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    adopted: tuple[InstanceId, ...] = ()
    ignored: tuple[InstanceId, ...] = ()

    def claimed(self, owner: str, services: Iterable[str], *, replacing: bool) -> Claims:
        """With that owner and those services: `replacing` the others, else next to them."""
        owners, known = {*filter(None, [owner])}, {*services}
        if not replacing:
            owners, known = owners.union(self.owners), known.union(self.services)
        return replace(self, owners=tuple(sorted(owners)), services=tuple(sorted(known)))

    def adopting(self, instance_id: InstanceId) -> Claims:
        """With that instance ours by a person's word."""
        adopted = tuple(sorted({*self.adopted, instance_id}))
        return replace(self, adopted=adopted, ignored=tuple(i for i in self.ignored if i != instance_id))

    def ignoring(self, instance_id: InstanceId) -> Claims:
        """With that instance none of our business by a person's word."""
        return replace(self.released(instance_id), ignored=tuple(sorted({*self.ignored, instance_id})))

    def released(self, instance_id: InstanceId) -> Claims:
        """Without what was said about an instance that is no more."""
        if instance_id not in self.adopted:
            return self
        return replace(self, adopted=tuple(i for i in self.adopted if i != instance_id))


NO_CLAIMS = Claims()
