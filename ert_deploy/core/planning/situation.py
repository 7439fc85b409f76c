"""The situation: what is wanted and what is seen, with everything that follows from both.

Decisions take it whole. What several of them ask is worked out when it is first asked for, and kept as long as the
situation: the next look makes another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.owner import owner_text
from ert_deploy.core.model.quick_dataclass import caching_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.app_env import Targets
from ert_deploy.core.planning.cached_property import cached_property
from ert_deploy.core.planning.candidates import Standing, candidate, place, runs_with, usable_by_an_app
from ert_deploy.core.planning.current_key import current_key, held_keys, keys_beside
from ert_deploy.core.planning.health import Candidate, Stage
from ert_deploy.core.planning.marks import Ownership, Undecided
from ert_deploy.core.planning.ownership import known_services, owned


@caching_dataclass
class Situation:
    """What is wanted and what is seen. `placed` are the instances in their places, where that is known already."""

    desired: Desired
    observed: Observed
    placed: Ownership | None = field(default=None, repr=False, compare=False)

    @cached_property
    def targets(self) -> Targets:
        """Each target with what was read of it; targets that were not read are left out."""
        by_name = {p.target: p for p in self.observed.publications or ()}
        return tuple((t, by_name[t.service]) for t in self.desired.targets if t.service in by_name)

    @cached_property
    def services(self) -> frozenset[str]:
        """Hashes of the services of the targets, as far as this look or the config knows them."""
        return known_services(self.desired, (p.service_id for p in self.observed.publications or ()))

    @cached_property
    def ownership(self) -> Ownership:
        """Every listed instance in its place, with all that this look knows."""
        if self.placed is not None:
            return self.placed
        return owned(self.desired, self.observed, self.services, self.targets)

    @property
    def ours(self) -> tuple[Instance, ...]:
        """The instances of the deployment that are ours, oldest first; each has a mark whatever its label says."""
        return self.ownership.ours

    @property
    def undecided(self) -> tuple[Undecided, ...]:
        """The instances that a person has to decide about, oldest first."""
        return self.ownership.undecided

    @cached_property
    def held_keys(self) -> Mapping[str, Secret]:
        """The keys that targets hold, by hash, in the order of the targets."""
        return held_keys(self.targets)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Our instances that are not entombed, with all that is known about each."""
        dead = {t.id for t in self.observed.state.tombstones}
        return tuple(candidate(i, self.observed, self.targets, self.current_key) for i in self.ours if i.id not in dead)

    @cached_property
    def standing(self) -> Standing:
        """Every candidate in its place."""
        return place(self.desired, self.observed, self.candidates)

    @property
    def serving(self) -> tuple[Candidate, ...]:
        """Those that an app was told about and that answer with its key, whether they fit or not."""
        verdicts = self.standing.verdicts
        told = (c for c in self.candidates if c.told and self.current_key(c.instance))
        return tuple(c for c in told if verdicts[c.instance.id].stage is Stage.READY)

    @property
    def slots_taken(self) -> int:
        """Creates that may have happened plus instances that exist: what could be billing at most."""
        seen = {i.mark.token for i in self.ours if i.mark is not None}
        unknown = [i for i in self.observed.state.intents if not i.gone and i.token not in seen]
        return len(self.ours) + len(unknown)

    @property
    def occupied(self) -> frozenset[str]:
        """The machines on which an instance of ours exists, or may exist."""
        return self.observed.state.machines() | {i.machine_id for i in self.ours}

    @property
    def birth_owner(self) -> str:
        """What a new instance is given as `ERT_OWNER`."""
        return owner_text(self.desired.owner, self.services)

    def claimed(self) -> State:
        """The state with the owner and the services of this look remembered."""
        return self.observed.state.claim(self.desired.owner, self.services)

    def current_key(self, instance: Instance) -> Secret | None:
        """The key to go on with at this instance; None when it takes no key whose text is known."""
        return current_key(instance, self.observed, self.held_keys)

    def keys_beside(self, instance: Instance) -> Mapping[str, Secret]:
        """The keys, by hash, that targets hold together with its address or with the certificate it has just proven."""
        return keys_beside(instance, self.observed, self.targets)

    def runs_with(self, instance: Instance) -> bool:
        """Whether some running app shows the fingerprint of a configuration with it, or may run with one."""
        return runs_with(instance, self.observed, self.targets, self.current_key)

    def usable_by_an_app(self, instance: Instance) -> bool:
        """Whether some app's environment holds its address together with a key that it takes."""
        return usable_by_an_app(instance, self.observed, self.targets)
