"""History of a deployment: each write of the engine has the events that belong to it, also when calls fail."""

from __future__ import annotations

import pytest

from ert_deploy.app.lifecycle import down, sleep, up, wake
from ert_deploy.core.model.errors import CreateRefused, Failed, Transient
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.engine.records.history import write_end, write_rest
from ert_deploy.engine.run import run
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import GONE, WANTED, known
from tests.support.fakes.loopback import FakeWorld, world


@pytest.fixture
def made() -> FakeWorld:
    return world()


def whats(made: FakeWorld) -> list[str]:
    return [one.what for one in made.store.state.history]


def test_a_life_is_told_from_the_first_rental_to_the_last_deletion(made: FakeWorld) -> None:
    deployment = on_fakes(made)
    up(deployment)
    number = made.gpu.only().id
    assert whats(made) == ["rented", "keys", "ready", "published", "deployed", "proven"]
    rented = made.store.state.history[0]
    assert (rented.instance, rented.who) == (number, "")
    made.clock.sleep(3600)
    made.gpu.faults.queued["stop"] = [Transient("no answer")]
    sleep(deployment)
    stopped = made.store.state.history[-1]
    assert (stopped.what, stopped.instance) == ("stopped", number)
    assert stopped.cost > 0
    assert stopped.at > rented.at
    wake(deployment)
    assert "started" in whats(made)
    down(deployment)
    assert [what for what in whats(made) if what.startswith("destroy")] == ["destroying", "destroyed"]
    assert made.store.state.empty()


def test_a_stop_that_no_write_took_is_no_error_when_the_store_fails(made: FakeWorld) -> None:
    deployment = on_fakes(made)
    up(deployment)
    before = made.store.state
    made.store.faults.queued["save"] = [Failed("the disk is full")]
    assert sleep(deployment).backends[0].asleep
    assert made.store.state == before


def test_events_that_could_not_be_written_come_with_the_next_write(made: FakeWorld) -> None:
    pending = [Happened(1.0, "stopped", "5")]
    made.store.faults.queued["save"] = [Transient("no answer")]
    run(write_rest(made.store.state, pending), made.ports)
    assert (pending, whats(made)) == ([], [])
    run(write_rest(made.store.state, [Happened(1.0, "stopped", "5")]), made.ports)
    assert whats(made) == ["stopped"]
    run(write_rest(made.store.state, []), made.ports)
    assert whats(made) == ["stopped"]


def test_a_run_that_fails_writes_its_error_and_the_next_one_that_it_is_over(made: FakeWorld) -> None:
    deployment = on_fakes(made)
    made.gpu.faults.queued["create"] = [CreateRefused("the account may not spend more", "before")] * 9
    for _ in range(2):
        with pytest.raises(Failed):
            up(deployment)
    events = [(one.what, one.why) for one in made.store.state.history]
    assert events.count(("failed", "nothing was rented: the account may not spend more")) == 1
    made.gpu.faults.queued.clear()
    down(deployment)
    assert whats(made)[-1] == "proven"
    run(write_end("no offer matches", WANTED, known()), made.ports)
    down(deployment)
    down(deployment)
    assert whats(made)[-2:] == ["failed", "finished"]
    run(write_end("the disk is full", GONE, known()), made.ports)
    down(deployment)
    assert whats(made)[-2:] == ["not ended", "finished"]
