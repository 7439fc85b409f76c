"""Runs of several replicas on in-memory ports, and the invariants of a fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ert_deploy.core.model.app.target import Target
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.events import OfReplica, Started
from ert_deploy.core.model.replica import one_replica, replica_of
from ert_deploy.core.planning.replicas.parts import part_of
from ert_deploy.engine.apply import Result
from ert_deploy.engine.fleet.apply import apply_fleet
from tests.support.fakes.history import WANTED, Process
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world
from tests.support.fakes.webhost import FakeService

THREE = replace(WANTED, replicas=3)


def market() -> FakeWorld:
    """Return an environment whose cheapest machines share hosts and addresses: 1 and 2 a host, 3 and 4 an address."""
    made = world()
    hosts = {1: "h2", 2: "h2"}
    ips = {3: "192.0.2.4", 4: "192.0.2.4"}
    made.gpu.offers = tuple(
        offer(n, host_id=hosts.get(n, f"h{n}"), ip=ips.get(n, f"192.0.2.{n + 10}")) for n in range(1, 13)
    )
    return made


def begin(made: FakeWorld, desired: Desired = THREE, most: int = 4) -> Process[dict[int, Result]]:
    """Return a run that is before its first effect."""
    return Process(made, apply_fleet(desired, {}), most)


def fleet(made: FakeWorld, desired: Desired = THREE, most: int = 4) -> dict[int, Result]:
    """Run all replicas to their end."""
    return begin(made, desired, most).finish()


def gone(made: FakeWorld, desired: Desired = THREE, most: int = 4) -> dict[int, Result]:
    """Run `down` for all replicas to its end."""
    return fleet(made, replace(desired, phase=Phase.ABSENT), most)


def of_replica(made: FakeWorld, replica: int) -> FakeInstance:
    """Return the only paid instance of a replica."""
    paid = [made.gpu.instances[number] for number in made.gpu.paid()]
    (only,) = [one for one in paid if replica_of(one.order.mark.deployment)[1] == replica]
    return only


def are_up(made: FakeWorld, desired: Desired = THREE) -> None:
    """Assert one healthy instance of each replica, on machines apart, its state, and apps that run with all of them."""
    found = [of_replica(made, number) for number in range(1, desired.replicas + 1)]
    assert len(made.gpu.paid()) == len(found)
    assert len({one.machine_id for one in found}) == len(found), "two replicas are on one machine"
    for number, one in enumerate(found, 1):
        state, wanted = part_of(made.store.state, number), one_replica(desired, number)
        assert [(r.id, r.token) for r in state.records] == [(one.id, one.order.mark.token)]
        assert state.tombstones == ()
        assert all(i.gone for i in state.intents)
        for target in wanted.targets:
            _runs_with(made.web.services[target.service], one, made, target)
        assert one.order.env["ERT_SPEC"] == desired.launch.spec()


def _runs_with(service: FakeService, one: FakeInstance, made: FakeWorld, target: Target) -> None:
    assert service.env[target.names.url].reveal() == f"https://203.0.113.7:{one.port}"
    assert service.env[target.names.key].sha256() in one.keys
    assert made.web.shown(service.name, target) == service.env[target.names.fingerprint].reveal()


def spread(made: FakeWorld) -> None:
    """Assert that no two paid instances of different replicas share machine, host or address."""
    offers = {one.id: one for one in made.gpu.offers}
    rented = [made.gpu.instances[number].order for number in made.gpu.paid()]
    places = {(order.mark.deployment, offers[order.offer_id]) for order in rented}
    for what in ("machine_id", "host_id", "ip"):
        shared = Counter(where for where in {(name, getattr(one, what)) for name, one in places})
        by_place = Counter(place for _, place in shared)
        assert max(by_place.values(), default=0) <= 1, f"{what} is shared: {by_place}"


def are_down(made: FakeWorld, desired: Desired = THREE) -> None:
    """Assert that no instance exists, in the market or in the document, and that no app refers to one."""
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    for number in range(1, desired.replicas + 1):
        for target in one_replica(desired, number).targets:
            left = made.web.services[target.service].env
            assert not {target.names.url, target.names.key, target.names.certificate} & set(left)


def steps_of(made: FakeWorld, since: int = 0) -> list[tuple[int, str]]:
    """Return the executed steps in order, each with its replica."""
    found = []
    for event in made.listener.events[since:]:
        replica, own = (event.replica, event.event) if isinstance(event, OfReplica) else (1, event)
        if isinstance(own, Started):
            found.append((replica, type(own.step).__name__))
    return found
