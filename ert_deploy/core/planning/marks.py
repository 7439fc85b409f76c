"""Marks: the owner of one instance by `label`, environment and state: the rules behind `ownership`.

If they are inconclusive or contradict each other, the user decides. See docs/adr/0020-owner-ids.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.owner import COPY, OTHER, SAME, Owner, Relation, parse_owner
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.age import by_age

PROVEN = "proven"  # instead of a key's hash: the app has the certificate that was just verified
_LABEL_ONLY = "it has our label and not our environment"
_ENVIRONMENT_ONLY = "its environment is of this deployment and its label is not (edited in the console?)"
_TOKEN_ONLY = "its environment has a known token and no deployment"  # noqa: S105, a sentence
_NO_OWNER = "it has both marks and no owner (created by an older release?)"
_COPY = "it has our marks and was rented for other services than this config's (a copied config?)"
_STATE = "its id is in our state, and its environment does not hold our token"
_FOREIGN = "its id is in our state, which was written for another owner or other services (a copied config?)"


@dataclass(frozen=True, slots=True)
class Undecided:
    """An instance that the user has to assign, with the reason. `blocks`: no other one is rented until then.

    `hidden`: the state or an `Intent` has it, but its row has no environment, which can be temporary.
    """

    instance: Instance
    why: str
    blocks: bool = True
    hidden: bool = False


@quick_dataclass
class Ownership:
    """All marked instances in the listing by owner, oldest first.

    `foreign`: the state was written for another owner or other services than those of the config.
    """

    ours: tuple[Instance, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    others: tuple[Instance, ...] = ()
    foreign: bool = False


def sort_out(
    desired: Desired,
    instances: Iterable[Instance],
    state: State,
    known: frozenset[str],
    held: Callable[[], frozenset[tuple[str, str]]] = frozenset,
) -> Ownership:
    """Sort all instances by owner. `known` are the services, `held` returns URL and key hash of each app."""
    sorter = _sorter(desired, state, known, held)
    mine: list[Instance] = []
    doubtful: list[Undecided] = []
    others: list[Instance] = []
    for instance in instances:
        found = sorter.place(instance)
        if found is None:
            continue
        if found is instance or isinstance(found, Instance):
            mine.append(found)
        elif isinstance(found, Undecided):
            doubtful.append(found)
        else:
            others.append(instance)
    if max(len(mine), len(doubtful), len(others)) > 1:
        age = by_age(state)
        mine.sort(key=age)
        doubtful.sort(key=lambda one: age(one.instance))
        others.sort(key=age)
    return Ownership(tuple(mine), tuple(doubtful), tuple(others), sorter.foreign)


def is_foreign(desired: Desired, known: frozenset[str], written_for: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    """Whether a state with instances, written for these owners and services, is that of another config."""
    return _us(desired.owner, len(desired.targets), known, written_for, False)[1]


def _sorter(
    desired: Desired, state: State, known: frozenset[str], held: Callable[[], frozenset[tuple[str, str]]]
) -> _Sorter:
    claims = state.claims
    tokens = {r.id: r.token for r in state.records}
    for tombstone in state.tombstones:
        tokens[tombstone.id] = tombstone.token
    written_for = claims.owners, claims.services
    us, foreign, relations = _us(desired.owner, len(desired.targets), known, written_for, state.empty())
    apart = foreign and us.complete and bool(claims.services)
    ignored = desired.ignored.union(claims.ignored) if claims.ignored else desired.ignored
    return _Sorter(
        desired.deployment,
        tokens,
        {i.token for i in state.intents},
        claims.adopted,
        ignored,
        us,
        relations,
        foreign,
        apart,
        held,
    )


@lru_cache(maxsize=512)
def _us(
    owner: str,
    targets: int,
    known: frozenset[str],
    written_for: tuple[tuple[str, ...], tuple[str, ...]],
    empty: bool,
) -> tuple[Owner, bool, dict[str, Relation]]:
    """Return the identity of this deployment, and whether the state is that of another one, by owner and services.

    The dict is for the relations to owners that are looked up with it.
    """
    owners, remembered = written_for
    ids = frozenset(filter(None, [owner]))
    complete = bool(known) and len(known) >= targets
    written = Owner(frozenset(owners), frozenset(remembered))
    if not empty and Owner(ids, known, complete).relation(written) in (OTHER, COPY):
        return Owner(ids, known, complete), True, {}
    return Owner(ids.union(owners), known.union(remembered), complete or bool(remembered)), False, {}


@dataclass(slots=True)
class _Sorter:
    """Identity of the deployment: `tokens` of the state by instance id, and `intents`, the tokens of its creates.

    `foreign`: the state is that of another owner, `apart`: its services are known to be other ones too. By the owner
    alone it may be this deployment's own, whose `owner` was changed in the config. `relations`: of `us` to each owner.
    """

    deployment: str
    tokens: dict[InstanceId, str]
    intents: set[str]
    adopted: tuple[InstanceId, ...]
    ignored: frozenset[InstanceId]
    us: Owner
    relations: dict[str, Relation]
    foreign: bool
    apart: bool
    held: Callable[[], frozenset[tuple[str, str]]]

    def place(self, instance: Instance) -> Instance | Undecided | Relation | None:
        """Return the instance if it is owned, `Relation.OTHER` for another owner's, None if it is unrelated."""
        token = self.tokens.get(instance.id)
        if token is not None:
            return self._known(instance, token)
        if instance.id in self.ignored:
            return None
        if instance.mark is not None and instance.mark.deployment == self.deployment:
            return self._marked(instance)
        return self._traced(instance)

    def _known(self, instance: Instance, token: str) -> Instance | Undecided | Relation:
        if instance.id in self.adopted and self._may_bear(instance, token):
            return self._with(instance, token)
        if self.foreign:
            other = self.apart and self._relation(instance) is OTHER
            return OTHER if other else Undecided(instance, _FOREIGN)
        if instance.born is not None and instance.born.token and self._may_bear(instance, token):
            return self._with(instance, token)
        return Undecided(instance, _STATE, hidden=instance.born is None)

    def _may_bear(self, instance: Instance, token: str) -> bool:
        """Whether its environment permits an own instance with that token."""
        born = instance.born
        return born is None or (born.token in ("", token) and born.deployment in ("", self.deployment))

    def _marked(self, instance: Instance) -> Instance | Undecided | Relation:
        assert instance.mark is not None
        relation = self._relation(instance)
        if relation is SAME or instance.mark.token in self.intents:
            return instance
        if relation is OTHER:
            return relation
        if relation is COPY:
            return Undecided(instance, _COPY)
        return instance if self._held_by_an_app(instance) else Undecided(instance, _NO_OWNER)

    def _traced(self, instance: Instance) -> Instance | Undecided | Relation | None:
        """Classify an instance with at most one mark."""
        born = instance.born
        if born is not None and born.token in self.intents and born.deployment in ("", self.deployment):
            return self._with(instance, born.token)
        labelled = instance.claims == self.deployment
        environed = born is not None and born.deployment == self.deployment
        orphan = born is not None and not born.deployment and instance.claims is None
        if not (labelled or environed or orphan):
            return None
        if self._relation(instance) is OTHER:
            return OTHER
        if environed:
            return Undecided(instance, _ENVIRONMENT_ONLY)
        created = instance.label_token in self.intents
        return Undecided(instance, _LABEL_ONLY if labelled else _TOKEN_ONLY, blocks=created, hidden=created)

    def _relation(self, instance: Instance) -> Relation:
        owner = instance.owner
        if owner not in self.relations:
            self.relations[owner] = self.us.relation(parse_owner(owner))
        return self.relations[owner]

    def _held_by_an_app(self, instance: Instance) -> bool:
        if instance.address is None:
            return False
        held = self.held()
        return any((instance.address.url(), digest) in held for digest in (*instance.key_hashes, PROVEN))

    def _with(self, instance: Instance, token: str) -> Instance:
        mark = instance.mark
        if mark is not None and mark.token == token and mark.deployment == self.deployment:
            return instance
        return replace(instance, mark=Mark(self.deployment, token))
