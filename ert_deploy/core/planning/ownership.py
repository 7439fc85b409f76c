"""Whose every listed instance is: ours, another owner's, or for a person to decide. Nothing with a mark is invisible.

Ours without a question is what our own state knew (its id in the state and its token in the environment), what has both
marks and our owner, and what a person adopted. An older instance that names no owner is ours as well when an app of
ours holds its address together with a key it was created with, or with the certificate that it proves now: its keys may
have been changed. Another owner's is shown and never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance, Observed, once
from ert_deploy.core.model.owner import Owner, Relation, owner_text, parse_owner, service_hash
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.rollout import pairs

_BY_ID = attrgetter("id")
_PROVEN = "proven"
_LABEL_ONLY = "it has our label and not our environment"
_ENVIRONMENT_ONLY = "its environment is ours and its label is not (edited in the console?)"
_TOKEN_ONLY = "its environment holds a token of ours and no deployment"  # noqa: S105, a sentence
_NO_OWNER = "it has both our marks, and nothing says whose it is (made by an older release?)"
_COPY = "it has our marks and was rented for other services than this config's (a copied config?)"
_STATE = "its id is in our state, and its environment does not hold our token"
_FOREIGN = "its id is in our state, which was written for another owner or other services (a copied config?)"


@dataclass(frozen=True, slots=True)
class Undecided:
    """An instance that a person has to decide about, and why. `blocks`: it may be ours, so none is rented beside it.

    `hidden`: the state or an intent knows it, and its row shows no environment, as a row may for a moment.
    """

    instance: Instance
    why: str
    blocks: bool = True
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """Every listed instance with a mark in its place, oldest first.

    `foreign`: the state was written for another owner or other services than those of the config.
    """

    ours: tuple[Instance, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    others: tuple[Instance, ...] = ()
    foreign: bool = False


def services(desired: Desired, observed: Observed) -> frozenset[str]:
    """Hashes of the services of the targets, as far as this look or the config knows them."""
    return known_services(desired, (p.service_id for p in observed.publications or ()))


def known_services(desired: Desired, ids: Iterable[str]) -> frozenset[str]:
    """Hashes of these services and of those that the config names by id."""
    return desired.services.union(map(service_hash, ids))


@once
def owned(desired: Desired, observed: Observed) -> Ownership:
    """Every listed instance in its place, with all that this look knows."""
    known = services(desired, observed)
    return sort_out(desired, observed.instances, observed.state, known, lambda: _held(desired, observed))


def ours(desired: Desired, observed: Observed) -> tuple[Instance, ...]:
    """The instances of the deployment that are ours, oldest first; each has a mark whatever its label says."""
    return owned(desired, observed).ours


def undecided(desired: Desired, observed: Observed) -> tuple[Undecided, ...]:
    """The instances that a person has to decide about, oldest first."""
    return owned(desired, observed).undecided


def claim(desired: Desired, observed: Observed) -> State:
    """The state with the owner and the services of this look remembered."""
    return observed.state.claim(desired.owner, services(desired, observed))


def birth_owner(desired: Desired, observed: Observed) -> str:
    """What a new instance is given as `ERT_OWNER`."""
    return owner_text(desired.owner, services(desired, observed))


def sort_out(
    desired: Desired,
    instances: Iterable[Instance],
    state: State,
    known: frozenset[str],
    held: Callable[[], frozenset[tuple[str, str]]] = frozenset,
) -> Ownership:
    """Every instance in its place. `known` are the services, `held` gives address and key hash as apps hold them."""
    sorter = _sorter(desired, state, known, held)
    mine: list[Instance] = []
    doubtful: list[Undecided] = []
    others: list[Instance] = []
    for instance in sorted(instances, key=_BY_ID):
        found = sorter.place(instance)
        if found is instance or isinstance(found, Instance):
            mine.append(found)
        elif isinstance(found, Undecided):
            doubtful.append(found)
        elif found is not None:
            others.append(instance)
    return Ownership(tuple(mine), tuple(doubtful), tuple(others), sorter.foreign)


def to_probe(placed: Ownership) -> tuple[Instance, ...]:
    """What is ours and, before the apps are read, what may turn out to be ours then."""
    if not placed.undecided:
        return placed.ours
    return (*placed.ours, *(u.instance for u in placed.undecided if u.instance.mark is not None))


def remember(desired: Desired, observed: Observed, placed: Ownership, known: frozenset[str]) -> None:
    """Spare `owned` the work where the look has brought nothing that could change what was found before it."""
    if not placed.undecided and known == services(desired, observed):
        observed.memo["owned"] = desired, placed


def _held(desired: Desired, observed: Observed) -> frozenset[tuple[str, str]]:
    """Addresses as apps hold them, each with its key's hash, and with _PROVEN where its certificate is proven now."""
    held: set[tuple[str, str]] = set()
    for target, publication in pairs(desired, observed):
        env, names = publication.env, target.names
        url, key, pem = env.get(names.url), env.get(names.key), env.get(names.certificate)
        if url is not None and key is not None:
            held.add((url.reveal(), key.sha256()))
            held.update((url.reveal(), _PROVEN) for i in observed.instances if _shows(i, observed, url, pem))
    return frozenset(held)


def _shows(instance: Instance, observed: Observed, url: Secret, pem: Secret | None) -> bool:
    """Whether it answers at that address with that certificate, after it has proven that it is ours to the probe."""
    health = observed.health.get(instance.id)
    certificate = health.certificate if health is not None else None
    there = instance.address is not None and instance.address.url() == url.reveal()
    return there and certificate is not None and pem == Secret(certificate)


def _sorter(
    desired: Desired, state: State, known: frozenset[str], held: Callable[[], frozenset[tuple[str, str]]]
) -> _Sorter:
    claims = state.claims
    tokens = {r.id: r.token for r in state.records}
    tokens.update((t.id, t.token) for t in state.tombstones)
    us, foreign = _us(desired.owner, len(desired.targets), known, (claims.owners, claims.services), state.empty())
    ignored = desired.ignored.union(claims.ignored) if claims.ignored else desired.ignored
    return _Sorter(
        desired.deployment, tokens, {i.token for i in state.intents}, claims.adopted, ignored, us, foreign, held
    )


@lru_cache(maxsize=512)
def _us(
    owner: str,
    targets: int,
    known: frozenset[str],
    written_for: tuple[tuple[str, ...], tuple[str, ...]],
    empty: bool,
) -> tuple[Owner, bool]:
    """Who we are, and whether the state was written for somebody else, by the owners and services it remembers."""
    owners, remembered = written_for
    ids = frozenset(filter(None, [owner]))
    complete = bool(known) and len(known) >= targets
    written = Owner(frozenset(owners), frozenset(remembered))
    if not empty and Owner(ids, known, complete).relation(written) in (Relation.OTHER, Relation.COPY):
        return Owner(ids, known, complete), True
    return Owner(ids.union(owners), known.union(remembered), complete or bool(remembered)), False


@lru_cache(maxsize=4096)
def _relation(us: Owner, owner: str) -> Relation:
    return us.relation(parse_owner(owner))


@dataclass(slots=True)
class _Sorter:
    """What is known of ourselves: `tokens` by instance id from the state, and those of creates under way."""

    deployment: str
    tokens: dict[int, str]
    intents: set[str]
    adopted: tuple[int, ...]
    ignored: frozenset[int]
    us: Owner
    foreign: bool
    held: Callable[[], frozenset[tuple[str, str]]]

    def place(self, instance: Instance) -> Instance | Undecided | Relation | None:
        """The instance itself if it is ours, Relation.OTHER for another owner's, None for what is not our business."""
        token = self.tokens.get(instance.id)
        if token is not None:
            return self._known(instance, token)
        if instance.id in self.ignored:
            return None
        if instance.mark is not None and instance.mark.deployment == self.deployment:
            return self._marked(instance)
        return self._traced(instance)

    def _known(self, instance: Instance, token: str) -> Instance | Undecided | Relation:
        if instance.id in self.adopted:
            return self._with(instance, token)
        if self.foreign:
            other = self._relation(instance) is Relation.OTHER
            return Relation.OTHER if other else Undecided(instance, _FOREIGN)
        if instance.born is not None and instance.born.token == token:
            return self._with(instance, token)
        return Undecided(instance, _STATE, hidden=instance.born is None)

    def _marked(self, instance: Instance) -> Instance | Undecided | Relation:
        assert instance.mark is not None
        relation = self._relation(instance)
        if relation is Relation.SAME or instance.mark.token in self.intents:
            return instance
        if relation is Relation.OTHER:
            return relation
        if relation is Relation.COPY:
            return Undecided(instance, _COPY)
        return instance if self._held_by_an_app(instance) else Undecided(instance, _NO_OWNER)

    def _traced(self, instance: Instance) -> Instance | Undecided | Relation | None:
        """What has one mark at most."""
        born = instance.born
        if born is not None and born.token in self.intents:
            return self._with(instance, born.token)
        labelled = instance.claims == self.deployment
        environed = born is not None and born.deployment == self.deployment
        orphan = born is not None and not born.deployment and instance.claims is None
        if not (labelled or environed or orphan):
            return None
        if self._relation(instance) is Relation.OTHER:
            return Relation.OTHER
        if environed:
            return Undecided(instance, _ENVIRONMENT_ONLY)
        created = instance.label_token in self.intents
        return Undecided(instance, _LABEL_ONLY if labelled else _TOKEN_ONLY, blocks=created, hidden=created)

    def _relation(self, instance: Instance) -> Relation:
        return _relation(self.us, instance.owner)

    def _held_by_an_app(self, instance: Instance) -> bool:
        if instance.address is None:
            return False
        held = self.held()
        return any((instance.address.url(), digest) in held for digest in (*instance.key_hashes, _PROVEN))

    def _with(self, instance: Instance, token: str) -> Instance:
        mark = instance.mark
        if mark is not None and mark.token == token and mark.deployment == self.deployment:
            return instance
        return replace(instance, mark=Mark(self.deployment, token))
