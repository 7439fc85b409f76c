"""Account check: a key of another account must not search, remove or replace instances of the first one."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import CannotObserve, ErtError, NeedsAttention, Rejected
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.plain.state import to_json
from ert_deploy.core.model.state import State
from ert_deploy.engine.reap import find
from ert_deploy.engine.run import run
from ert_deploy.ports import GpuHost
from tests.support.fakes.fleet import THREE, are_up, fleet, gone, market, of_replica
from tests.support.fakes.history import GONE, WANTED, is_down, is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld, world

SLEEP, WAKE = replace(WANTED, phase=Phase.ASLEEP), replace(WANTED, begin=False)
AT_ONCE = replace(GONE, apps_first=False)


def elsewhere(made: FakeWorld) -> FakeWorld:
    """Keep the directory and the state, and switch to a key of another account without instances."""
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
    assert "use a key of account 424242" in left.value.hint
    assert made.store.text == before
    assert made.web.faults.calls.count("put_env") == writes
    made.gpu.account_id, made.gpu.elsewhere = "424242", False
    up(made, GONE)
    is_down(made)


def test_create_calls_that_are_under_way_are_named_too() -> None:
    made = world()
    process = start(made)
    while process.last is not GpuHost.create:
        process.step()
    process.die(process.done)
    with pytest.raises(NeedsAttention) as left:
        up(elsewhere(made), GONE)
    assert left.value.detail == "no change was made; these may exist and bill: 1 create call"


def test_where_nothing_is_left_another_account_may_begin_and_down_still_says_that_it_is_another() -> None:
    made = world()
    up(made)
    up(made, GONE)
    with pytest.raises(NeedsAttention) as left:
        up(elsewhere(made), GONE)
    assert left.value.detail == "no change was made"
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


MINE, ANOTHERS = "key:00000000000000aa", "key:00000000000000bb"


def unreadable(made: FakeWorld, account: str = MINE) -> FakeWorld:
    """Use a key without permission to read its account."""
    made.gpu.account_id, made.gpu.credit = account, math.inf
    return made


def test_a_key_that_may_not_read_its_account_does_the_whole_job_and_says_what_it_left_out() -> None:
    made = unreadable(world())
    up(made)
    is_up(made)
    assert made.store.state.account == MINE
    assert Trouble("the credit was not checked", "the key may not read it (user_read)") in told(made, Trouble)
    up(made, SLEEP)
    up(made, WAKE)
    up(made, GONE)
    is_down(made)


def test_a_run_of_such_a_key_that_died_is_gone_on_with_by_the_same_key() -> None:
    """No instance is listed yet that would identify the account: the same key means the same account."""
    made = unreadable(world())
    process = start(made)
    while process.last is not GpuHost.create:
        process.step()
    process.die(process.done)
    up(made)
    is_up(made)


@pytest.mark.parametrize("goes", [GONE, AT_ONCE])
@pytest.mark.parametrize(("before", "after"), [("424242", MINE), (MINE, "424242"), (MINE, ANOTHERS)])
def test_another_key_is_of_the_same_account_where_the_list_shows_it(before: str, after: str, goes: Desired) -> None:
    """This includes the last check, after all instances have been removed from the list."""
    made = world()
    made.gpu.account_id = before
    up(made)
    made.gpu.account_id = after
    up(made)
    is_up(made)
    up(made, goes)
    is_down(made)


def test_the_number_of_an_account_is_kept_once_it_is_known() -> None:
    made = unreadable(world())
    up(made)
    made.gpu.account_id = "424242"
    up(made, SLEEP)
    up(made, WAKE)
    assert made.store.state.account == "424242"
    made.gpu.account_id = MINE
    up(made, SLEEP)
    up(made, WAKE)
    assert made.store.state.account == "424242"


@pytest.mark.parametrize("desired", [WANTED, GONE, AT_ONCE, SLEEP, WAKE])
@pytest.mark.parametrize(
    ("before", "after", "hint"),
    [
        ("424242", MINE, "a key of account 424242 that has the right user_read"),
        (MINE, "424242", "the key that it was rented with"),
        (MINE, ANOTHERS, "the key that it was rented with"),
    ],
)
def test_another_key_whose_list_shows_nothing_of_it_changes_nothing(
    before: str, after: str, hint: str, desired: object
) -> None:
    made = world()
    made.gpu.account_id = before
    up(made)
    number, stored = made.gpu.only().id, made.store.text
    made.gpu.account_id, made.gpu.elsewhere = after, True
    with pytest.raises(NeedsAttention, match="the key may be of another account than the one that ert") as left:
        up(made, desired)  # type: ignore[arg-type]
    assert f"instance {number}" in left.value.detail
    assert left.value.hint == f"use {hint} and run the command again"
    assert made.store.text == stored


def test_with_another_key_of_unknown_account_an_empty_deployment_may_begin() -> None:
    made = world()
    up(made)
    up(made, GONE)
    unreadable(made)
    with pytest.raises(NeedsAttention, match="may be of another account") as left:
        up(made, GONE)
    assert left.value.hint.endswith(
        "no instance is known to exist there, so `ert-deploy up` may start over with this key"
    )
    up(made)
    is_up(made)
    assert made.store.state.account == MINE


@pytest.mark.parametrize("goes", [GONE, AT_ONCE])
@pytest.mark.parametrize(("before", "after"), [("424242", MINE), (MINE, "424242"), (MINE, ANOTHERS)])
def test_what_the_list_has_shown_once_holds_for_the_whole_run(before: str, after: str, goes: Desired) -> None:
    """The first key has no permission to destroy, but its run stored the tombstone; so the second run does not."""
    made = world()
    made.gpu.account_id = before
    up(made)
    made.gpu.faults.queued["destroy"] = [Rejected("this key may not change instance 500")] * 9
    with pytest.raises(ErtError):
        up(made, goes)
    assert made.store.state.tombstones
    del made.gpu.faults.queued["destroy"]
    made.gpu.account_id = after
    up(made, goes)
    is_down(made)


@pytest.mark.parametrize("before", [1, 2])
def test_a_replica_without_anything_is_of_the_account_of_the_others(before: int) -> None:
    """It must not be rented in another account beside them, where no key would show all of them."""
    made = market()
    fleet(made, replace(THREE, replicas=before))
    made.gpu.account_id, text = "7", made.store.text
    for wanted in (THREE, replace(THREE, replicas=2)):
        with pytest.raises(NeedsAttention, match="the key is of account 7") as left:
            fleet(made, wanted)
        assert all(f"may exist and bill: instance {number}" in left.value.detail for number in made.gpu.paid())
    assert len(made.gpu.instances) == before
    assert made.store.text == text
    made.gpu.account_id = "424242"
    fleet(made)
    are_up(made)


@pytest.mark.parametrize("phase", [Phase.ABSENT, Phase.ASLEEP])
def test_a_replica_that_only_began_is_of_the_account_of_the_others(phase: Phase) -> None:
    made = market()
    fleet(made, replace(THREE, replicas=1))
    began = State("ert.2", 1, begun=made.clock.time)  # as of a `down` that was killed beside the first `up`
    made.store.text = json.dumps(to_json(replace(made.store.state, generation=9, replicas=(began,))))
    text = made.store.text
    made.gpu.account_id = "7"
    with pytest.raises(NeedsAttention, match="the key is of account 7"):
        fleet(made, replace(THREE, replicas=2, phase=phase))
    assert made.store.text == text


def test_where_no_replica_has_anything_all_of_them_may_begin_in_another_account() -> None:
    made = market()
    fleet(made)
    gone(made)
    made.gpu.account_id = "7"
    fleet(made)
    are_up(made)
    assert {made.store.state.account, *(part.account for part in made.store.state.replicas)} == {"7"}


@pytest.mark.parametrize(("before", "after"), [("424242", MINE), (MINE, "424242"), (MINE, ANOTHERS)])
def test_an_instance_of_any_replica_shows_whose_account_it_is(before: str, after: str) -> None:
    made = market()
    made.gpu.account_id = before
    fleet(made, replace(THREE, replicas=2))
    made.gpu.destroy(of_replica(made, 1).id)  # in the console
    made.gpu.account_id = after
    fleet(made)
    are_up(made)
    made.gpu.account_id = before
    gone(made)
    assert made.gpu.paid() == ()


def test_a_replica_that_cannot_begin_with_a_key_is_not_said_to() -> None:
    made = market()
    fleet(made, replace(THREE, replicas=1))
    unreadable(elsewhere(made), ANOTHERS)
    with pytest.raises(NeedsAttention, match="may be of another account") as left:
        fleet(made)
    assert "start over" not in f"{left.value.hint}{left.value.detail}"
