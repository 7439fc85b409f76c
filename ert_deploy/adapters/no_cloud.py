"""GPU cloud without a key: nothing can be listed or changed there, so it stands in only while the state knows nothing.

It is for deployments on an external server, which need no account of a GPU cloud.
"""

from __future__ import annotations

import math
from typing import NoReturn

from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import Cloud, InstanceId
from ert_deploy.core.planning.accounts import known_there
from ert_deploy.ports import Account, CreateOrder, StateStore, Turn


class NoCloud:
    """Implements `GpuHost`. `name` is that of the cloud, `variable` the one that would hold its key."""

    cloud = Cloud(keeps_disk=False, bids=False, readable=False)

    def __init__(self, name: str, variable: str, store: StateStore) -> None:
        self._name = name
        self._variable = variable
        self._store = store

    def account(self) -> Account:
        """Return the account that the state is of."""
        return Account(math.inf, "", self._store.load().account)

    def account_variables(self) -> tuple[str, ...] | None:
        """Return nothing: no container is created."""
        return ()

    def list_instances(self) -> tuple[Instance, ...]:
        """Return nothing if the state knows of nothing there. Raises CannotObserve if it does."""
        state = self._store.load()
        if not state.empty():
            raise self._unread(f"the state names {known_there(state)} at {self._name}")
        return ()

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        """Raise CannotObserve."""
        raise self._unread(f"instance {instance_id} is looked for at {self._name}")

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Raise CannotObserve."""
        self._refuse(criteria, launch, wide)

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        """Raise CannotObserve."""
        self._refuse(offer, launch)

    def await_turn(self, turn: Turn) -> None:
        """Raise CannotObserve."""
        self._refuse(turn)

    def create(self, order: CreateOrder) -> InstanceId:
        """Raise CannotObserve."""
        self._refuse(order)

    def destroy(self, instance_id: InstanceId) -> None:
        """Raise CannotObserve."""
        self._refuse(instance_id)

    def start(self, instance_id: InstanceId) -> None:
        """Raise CannotObserve."""
        self._refuse(instance_id)

    def stop(self, instance_id: InstanceId) -> None:
        """Raise CannotObserve."""
        self._refuse(instance_id)

    def restart(self, instance_id: InstanceId) -> None:
        """Raise CannotObserve."""
        self._refuse(instance_id)

    def date(self) -> float | None:
        """Return None: no reply was received."""
        return None

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        """Raise CannotObserve."""
        self._refuse(instance_id, tail)

    def _refuse(self, *_: object) -> NoReturn:
        raise self._unread(f"{self._name} is needed for this")

    def _unread(self, why: str) -> CannotObserve:
        return CannotObserve(f"{why}, and {self._variable} is not set", hint=f"export {self._variable}=...")
