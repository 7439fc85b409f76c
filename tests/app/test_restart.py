"""`restart` on fakes: the same machine afterwards, and every way in which it can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import sleep, up
from ert_deploy.app.running.restart import restart
from ert_deploy.core.model.errors import Failed, NeedsAttention, Rejected, UsageError
from ert_deploy.core.model.observed import Health, Instance, Vital
from tests.support.certificates.ip_bound import pair
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.ids import nth


def agreed(_: Instance) -> bool:
    return True


@pytest.fixture
def made() -> FakeWorld:
    return world()


@pytest.fixture
def deployment(made: FakeWorld) -> Deployment:
    found = on_fakes(made)
    up(found)
    return found


def answers(made: FakeWorld, monkeypatch: pytest.MonkeyPatch, *vitals: Vital) -> None:
    """Let the backend respond so, one after the other; the last one is repeated."""
    left = list(vitals)
    certificate = made.store.state.records[0].certificate

    def probe(*_: Any) -> Health:
        return Health(left.pop(0) if len(left) > 1 else left[0], certificate=certificate)

    monkeypatch.setattr(made.backend, "probe", probe)


def test_the_container_restarts_and_nothing_else_changes(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made.store.state
    answers(made, monkeypatch, Vital.HEALTHY, Vital.UNREACHABLE, Vital.LOADING, Vital.HEALTHY)
    done = restart(deployment, confirm=agreed)
    assert done is not None
    assert made.gpu.restarted == [done.instance] == [made.gpu.only().id]
    assert done.seconds >= 4 * 10.0
    assert made.store.state == before
    assert not up(deployment).changed


def test_a_restart_that_is_over_before_it_was_noticed_is_believed_after_a_while(
    made: FakeWorld, deployment: Deployment
) -> None:
    done = restart(deployment, confirm=agreed, instance=made.gpu.only().id)
    assert done is not None
    assert done.seconds > 30.0


def test_nothing_is_done_without_a_yes_or_an_instance_that_runs(made: FakeWorld, deployment: Deployment) -> None:
    assert restart(deployment, confirm=lambda _: False) is None
    with pytest.raises(UsageError, match="no instance 987"):
        restart(deployment, confirm=agreed, instance=nth(987))
    sleep(deployment)
    with pytest.raises(UsageError, match="is asleep"):
        restart(deployment, confirm=agreed)
    with pytest.raises(UsageError, match="no instance of ert"):
        restart(on_fakes(world()), confirm=agreed)
    assert made.gpu.restarted == []


def test_a_refusal_and_a_backend_that_stays_away_are_errors(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.gpu.faults.queued["restart"] = [Rejected("this key may not change instance 500")]
    with pytest.raises(Failed, match="was not restarted: this key may not"):
        restart(deployment, confirm=agreed)
    answers(made, monkeypatch, Vital.UNREACHABLE)
    with pytest.raises(Failed, match="did not serve again within 2700 s"):
        restart(deployment, confirm=agreed)


def test_another_identity_or_a_vanished_instance_needs_a_person(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Health(Vital.HEALTHY, certificate=pair().pem)
    state = made.store.state
    made.store.save(state.put_record(replace(state.records[0], certificate=pair("127.0.0.9").pem)))
    monkeypatch.setattr(made.backend, "probe", lambda *_: other)
    with pytest.raises(NeedsAttention, match="another certificate"):
        restart(deployment, confirm=agreed)
    monkeypatch.setattr(made.gpu, "get_instance", lambda _: None)
    with pytest.raises(NeedsAttention, match="no longer exists"):
        restart(deployment, confirm=agreed)
