"""Whose account a state is of: what was rented with one is never looked for, forgotten or replaced with another key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention
from ert_deploy.engine import effects as e
from ert_deploy.engine.reap import find
from ert_deploy.engine.run import run
from tests.support.fakes.history import GONE, WANTED, is_down, is_up, start, up
from tests.support.fakes.loopback import FakeWorld, world

SLEEP, WAKE = replace(WANTED, phase=Phase.ASLEEP), replace(WANTED, begin=False)
AT_ONCE = replace(GONE, apps_first=False)


def elsewhere(made: FakeWorld) -> FakeWorld:
    """The same folder and state, and the key of another account, in which nothing is."""
    made.gpu.account_id, made.gpu.elsewhere = "7", True
    return made


def test_the_first_write_says_whose_it_is() -> None:
    made = world()
    process = start(made)
    while made.store.state.generation == 0:
        process.step()
    assert made.store.state.account == "424242"
    process.finish()
    is_up(made)


@pytest.mark.parametrize("desired", [WANTED, GONE, AT_ONCE, SLEEP, WAKE])
def test_with_the_key_of_another_account_nothing_is_done_and_nobody_says_that_nothing_exists(desired: object) -> None:
    made = world()
    up(made)
    number, before, writes = made.gpu.only().id, made.store.text, made.web.faults.calls.count("put_env")
    with pytest.raises(NeedsAttention, match="the key is of account 7, and ert was rented with account 424242") as left:
        up(elsewhere(made), desired)  # type: ignore[arg-type]
    assert left.value.exit_code == 5
    assert f"instance {number}" in left.value.detail
    assert "VAST_API_KEY to a key of account 424242" in left.value.hint
    assert made.store.text == before
    assert made.web.faults.calls.count("put_env") == writes
    made.gpu.account_id, made.gpu.elsewhere = "424242", False
    up(made, GONE)
    is_down(made)


def test_create_calls_that_are_under_way_are_named_too() -> None:
    made = world()
    process = start(made)
    while process.last is not e.Create:
        process.step()
    process.die(process.done)
    with pytest.raises(NeedsAttention) as left:
        up(elsewhere(made), GONE)
    assert left.value.detail == "nothing was changed; there may exist, and bill: 1 create call"


def test_where_nothing_is_left_another_account_may_begin_and_down_still_says_that_it_is_another() -> None:
    made = world()
    up(made)
    up(made, GONE)
    with pytest.raises(NeedsAttention) as left:
        up(elsewhere(made), GONE)
    assert left.value.detail == "nothing was changed"
    made.gpu.elsewhere = False
    up(made)
    is_up(made)
    assert made.store.state.account == "7"


def test_the_reaper_looks_for_nothing_in_another_account() -> None:
    made = world()
    up(made)
    with pytest.raises(NeedsAttention, match="account 7"):
        run(find(WANTED), elsewhere(made).ports)


def test_an_account_that_cannot_be_read_stops_up_and_not_down() -> None:
    made = world()
    up(made)
    made.gpu.faults.queued["account"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        up(made)
    made.gpu.faults.queued["account"] = [CannotObserve("no answer")] * 4
    up(made, AT_ONCE)
    assert made.gpu.paid() == ()


def test_an_account_that_cannot_be_read_and_a_list_without_what_is_known_prove_nothing() -> None:
    made = world()
    up(made)
    before = made.store.text
    elsewhere(made).gpu.faults.queued["account"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        up(made, GONE)
    assert made.store.text == before
