"""End of a run: its error is written where it leaves something to do, and never into another's state."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from ert_deploy.app.lifecycle import down, sleep, up, wake
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, NeedsAttention, UsageError
from ert_deploy.core.planning.accounts import unbound
from ert_deploy.core.planning.marks import Ownership
from ert_deploy.engine.records.history import write_end
from ert_deploy.engine.run import run
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, known
from tests.support.fakes.loopback import FakeWorld, world


@pytest.fixture
def made() -> FakeWorld:
    return world()


def whats(made: FakeWorld) -> list[str]:
    return [one.what for one in made.store.state.history]


def test_the_end_of_a_run_that_cannot_be_written_is_no_error(made: FakeWorld) -> None:
    up(on_fakes(made))
    before = made.store.state
    made.store.faults.queued["save"] = [Failed("the disk is full")]
    run(write_end("no offer matches", WANTED, known()), made.ports)
    run(write_end("", WANTED, known()), made.ports)
    assert made.store.state == before


def test_the_same_error_again_only_gets_a_new_time(made: FakeWorld) -> None:
    for _ in range(2):
        run(write_end("no offer matches", WANTED, known()), made.ports)
        made.clock.sleep(600)
    (once,) = made.store.state.history
    assert (once.what, once.why) == ("failed", "no offer matches")
    assert once.at == pytest.approx(made.clock.now() - 600, abs=1)


def test_an_up_that_fails_before_anything_exists_begins_a_state_that_counts_as_none(made: FakeWorld) -> None:
    deployment = on_fakes(made)
    made.web.services["dash"].suspended = "user"
    with pytest.raises(UsageError, match="is suspended"):
        up(deployment)
    state = made.store.state
    assert [(one.what, one.why) for one in state.history] == [("failed", "the service dash is suspended (user)")]
    assert unbound(state)
    assert state.begun == state.history[0].at
    made.web.services["dash"].suspended = ""
    up(deployment)
    assert not unbound(made.store.state)
    down(deployment)
    assert (made.store.state.empty(), made.store.state.begun) == (True, 0.0)


def test_after_a_failed_up_the_user_s_down_is_the_last_word(made: FakeWorld) -> None:
    made.web.services["dash"].suspended = "user"
    with pytest.raises(UsageError):
        up(on_fakes(made))
    down(on_fakes(made))
    assert whats(made) == ["failed", "finished"]


@pytest.mark.parametrize("command", [wake, sleep])
def test_nothing_is_wanted_by_a_command_that_finds_nothing(made: FakeWorld, command: Callable[..., object]) -> None:
    made.web.services["dash"].suspended = "user"
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    for _ in range(2):
        with suppress(ErtError):
            command(on_fakes(made))
    assert (made.store.state.generation, whats(made)) == (0, [])
    made.web.services["dash"].suspended = ""
    up(on_fakes(made))
    down(on_fakes(made))
    with suppress(ErtError):
        wake(on_fakes(made))
    assert "failed" not in whats(made)


def test_a_wake_that_loses_what_it_found_has_failed(made: FakeWorld) -> None:
    memory = known()
    memory.looks = 2
    run(write_end("no offer matches", replace(WANTED, begin=False), memory), made.ports)
    assert whats(made) == ["failed"]


@pytest.mark.parametrize("phase", [up, down, sleep, wake])
def test_nothing_is_written_into_the_state_of_another_account(made: FakeWorld, phase: Callable[..., object]) -> None:
    up(on_fakes(made))
    before = made.store.text
    made.gpu.account_id, made.gpu.elsewhere = "7", True
    with pytest.raises(NeedsAttention, match="account 7"):
        phase(on_fakes(made))
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        phase(on_fakes(made))
    assert made.store.text == before


def test_nothing_is_written_into_the_state_of_another_owner(made: FakeWorld) -> None:
    up(on_fakes(made))
    before = made.store.text
    memory = known()
    memory.placed = Ownership((), (), (), foreign=True)
    run(write_end("no offer matches", WANTED, memory), made.ports)
    assert made.store.text == before
