"""Situation: desired and actual state, with all values derived from them.

The planning functions take it as a whole. Values used by several of them are computed on first access and cached until
the next observation, which creates a new object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ert_deploy.core.model.desired import Desired, Target
from ert_deploy.core.model.machine.derived_keys import machine_keys
from ert_deploy.core.model.observed import Instance, Observed, Publication
from ert_deploy.core.model.owner import owner_text
from ert_deploy.core.model.quick_dataclass import caching_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.app_env import Targets, held_fingerprint
from ert_deploy.core.planning.cached_property import cached_property
from ert_deploy.core.planning.candidates import PAIR, Classified, candidate, classify, runs_with, usable_by_an_app
from ert_deploy.core.planning.current_key import current_key, held_keys, keys_beside
from ert_deploy.core.planning.health import Candidate, Stage
from ert_deploy.core.planning.marks import Ownership, Undecided
from ert_deploy.core.planning.ownership import known_services, owned


@caching_dataclass
class Situation:
    """Desired and actual state. `placed` are the instances by owner, if it is already known."""

    desired: Desired
    observed: Observed
    placed: Ownership | None = field(default=None, repr=False, compare=False)

    @cached_property
    def targets(self) -> Targets:
        """Each target with its current values; those that were not read are omitted."""
        if not self.observed.publications:
            return ()
        found: list[tuple[Target, Publication]] = []
        for target in self.desired.targets:
            for publication in self.observed.publications:
                if publication.target == target.service:
                    found.append((target, publication))
        return tuple(found)

    @cached_property
    def services(self) -> frozenset[str]:
        """Hash of each service id that this observation, an earlier one of its run or the config has."""
        read = known_services(self.desired, (p.service_id for p in self.observed.publications or ()))
        return read | self.observed.services

    @cached_property
    def ownership(self) -> Ownership:
        """All instances in the listing by owner, with all available data."""
        if self.placed is not None:
            return self.placed
        return owned(self.desired, self.observed, self.services, self.targets)

    @cached_property
    def ours(self) -> tuple[Instance, ...]:
        """The instances of the deployment, oldest first; each has a `mark` regardless of its `label`."""
        return self.ownership.ours

    @property
    def undecided(self) -> tuple[Undecided, ...]:
        """The instances that the user has to assign, oldest first."""
        return self.ownership.undecided

    @cached_property
    def held_keys(self) -> Mapping[str, Secret]:
        """The keys in the environments of the targets, by hash, in the order of the targets."""
        return held_keys(self.targets)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The instances without a tombstone, with all data about each."""
        living, observed = self.ours, self.observed
        if observed.state.tombstones:
            dead = {t.id for t in observed.state.tombstones}
            living = tuple([i for i in living if i.id not in dead])
        return tuple([candidate(i, observed, self.targets, self.current_key) for i in living])

    @cached_property
    def classified(self) -> Classified:
        """Classification of all candidates."""
        return classify(self.desired, self.observed, self.candidates)

    @property
    def serving(self) -> tuple[Candidate, ...]:
        """Instances in use that are ready and have a known key, regardless of the config."""
        verdicts = self.classified.verdicts
        published = (c for c in self.candidates if c.published and self.current_key(c.instance))
        return tuple(c for c in published if verdicts[c.instance.id].stage is Stage.READY)

    @property
    def slots(self) -> int:
        """Number of instances that it may have now: a second one only while no other replica has one."""
        crowded = self.observed.others.crowded
        return max(0, min(self.desired.slots, PAIR - crowded)) if crowded else self.desired.slots

    @property
    def awaits_turn(self) -> bool:
        """Whether it may rent one more instance, but not now, as other replicas have more than one each."""
        return self.slots <= self.slots_taken < self.desired.slots

    @property
    def slots_taken(self) -> int:
        """Number of instances plus creates with unknown result: the maximum that can be billed.

        One with a tombstone may bill until it is confirmed gone, although the listing has it no longer.
        """
        seen = {i.mark.token for i in self.ours if i.mark is not None}
        unknown = [i for i in self.observed.state.intents if not i.gone and i.token not in seen]
        unlisted = 0
        if self.observed.state.tombstones:
            listed = {i.id for i in self.observed.instances}
            unlisted = sum(t.id not in listed for t in self.observed.state.tombstones)
        return len(self.ours) + len(unknown) + unlisted

    @property
    def occupied(self) -> frozenset[str]:
        """The machines on which an instance exists or may exist."""
        return self.observed.state.machines() | {i.machine_id for i in self.ours}

    @property
    def birth_owner(self) -> str:
        """Value of `ERT_OWNER` for a new instance."""
        return owner_text(self.desired.owner, self.services)

    def claimed(self) -> State:
        """Return the state with the owner and the services of this observation added."""
        return self.observed.state.claim(self.desired.owner, self.services)

    def current_key(self, instance: Instance) -> Secret | None:
        """Return the key to use at this instance; None if the text of no accepted key is known."""
        derived = machine_keys(self.desired, instance)
        return current_key(instance, self.observed, {**self.held_keys, **derived} if derived else self.held_keys)

    def keys_beside(self, instance: Instance) -> Mapping[str, Secret]:
        """Return the keys, by hash, that a target has along with the address or certificate of it."""
        return keys_beside(instance, self.observed, self.targets)

    def runs_with(self, instance: Instance) -> bool:
        """Whether a running app reports the fingerprint of a configuration with it, or may run with one."""
        return runs_with(instance, self.observed, self.targets, self.current_key)

    def usable_by_an_app(self, instance: Instance) -> bool:
        """Whether an app can use it: by its variables, or, with derived keys, as an agent may have shown it."""
        return usable_by_an_app(instance, self.observed, self.targets) or self._may_be_followed(instance)

    def _may_be_followed(self, instance: Instance) -> bool:
        """Whether agents may have named it, and an app runs with other values than its variables and the other ones."""
        record = self.observed.state.record(instance.id)
        if self.desired.machine_secret is None or record is None or not record.published:
            return False
        if any(self.runs_with(c.instance) for c in self.candidates if c.instance.id != instance.id):
            return False
        shown = ((t, p, p.live_fingerprint) for t, p in self.targets)
        return any(mark and held_fingerprint(t.names, p.env) != mark for t, p, mark in shown)
