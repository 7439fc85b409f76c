"""List of a fleet: which looks one call of the provider serves, and which need one of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import Instance
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet import listing as listing_module
from ert_deploy.engine.fleet.listing import CHANGES, SHARED_FOR, Listing
from ert_deploy.ports import GpuHost, StateStore
from tests.support.fakes.fleet import THREE, are_down, are_up, begin, market
from tests.support.fakes.history import OTHER, Process
from tests.support.fakes.loopback import FakeWorld, world


def looked(made: FakeWorld, listing: Listing, replica: int) -> bool:
    """Let a replica look, and return whether that needs a call of the provider."""

    def look() -> Effects[bool]:
        yield from listing.read(replica)
        return True

    run, calls = Process(made, look()), 0
    while not run.ended:
        calls += run.effect.method is GpuHost.list_instances
        run.step()
    if run.error is not None:
        raise run.error
    return bool(calls)


def test_a_list_serves_the_looks_of_other_replicas_within_seconds() -> None:
    made, listing = world(), Listing()
    assert looked(made, listing, 1)
    assert not looked(made, listing, 2)
    made.clock.sleep(SHARED_FOR / 2)
    assert not looked(made, listing, 3)
    made.clock.sleep(SHARED_FOR / 2)
    assert looked(made, listing, 4)


def test_no_replica_looks_at_the_same_list_twice() -> None:
    made, listing = world(), Listing()
    assert [looked(made, listing, number) for number in (1, 2, 2, 1, 1)] == [True, False, True, False, True]


def test_a_list_that_failed_or_is_about_to_change_serves_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    made, listing = world(), Listing()
    looked(made, listing, 1)
    listing.forget()
    assert looked(made, listing, 2)
    with monkeypatch.context() as patched:
        patched.setattr(made.gpu, "list_instances", _fails)
        with pytest.raises(CannotObserve):
            looked(made, listing, 2)
    assert looked(made, listing, 3)


def _fails() -> tuple[Instance, ...]:
    raise CannotObserve("no answer")


def test_each_change_of_this_run_is_seen_by_every_later_look_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "SHARED_FOR", 60.0)
    made, changes = market(), 0
    other = replace(OTHER, replicas=3)
    for desired in (THREE, other, replace(other, phase=Phase.ASLEEP), other, replace(other, phase=Phase.ABSENT)):
        run, fresh = begin(made, desired), True
        while not run.ended:
            method = run.effect.method
            changes += method in CHANGES
            fresh = method not in CHANGES and (fresh or method is GpuHost.list_instances)
            assert fresh or method is not StateStore.load, "it looks at a list from before a change"
            run.step()
        assert run.error is None
    are_down(made)
    assert changes > 12


def test_replicas_that_look_together_share_their_lists() -> None:
    made = market()
    run, lists, looks = begin(made, THREE), 0, 0
    while not run.ended:
        lists += run.effect.method is GpuHost.list_instances
        looks += run.effect.method is StateStore.load
        run.step()
    are_up(made)
    assert lists <= 0.75 * looks, f"{lists} lists of {looks} looks"
