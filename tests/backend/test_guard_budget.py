"""Budget of the guard: its record on the disk, its meter over several boots, its rule, and a new one from the app."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ert_backend.base.activity import Activity
from ert_backend.base.allowance import SERVED, SPENT, Grant, Spent, SpentRecord
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard.allowance import AHEAD, UNRECORDED, Meter
from ert_backend.guard.clouds.cloud import Outcome
from ert_backend.guard.rules import Action, Allowance, Rules, View, decide
from ert_backend.guard.settings import GuardSettings, load
from tests.support.backend.guarded import TOKEN, Machine, settings_for

RULES = Rules(idle_stop=0, boot_deadline=0, max_lifetime=0, drain_cap=600)
HOUR = Grant(3600)


def meter(folder: Path, age: float = 0.0, grant: Grant | None = HOUR) -> Meter:
    """Return the meter of a guard whose clock has run for so many money seconds."""
    return Meter(SpentRecord(folder, TOKEN), MoneyClock(1.0, boot_seconds() - age), grant)


# The record


def test_what_was_used_is_read_back_and_written_in_place(tmp_path: Path) -> None:
    record = SpentRecord(tmp_path, TOKEN, synced=True)
    assert record.read() is None
    assert record.keep(Spent(HOUR, 60.0))
    size = (tmp_path / SPENT).stat().st_size
    assert record.keep(Spent(Grant(10**9, 10**12), 123456.0))
    assert (tmp_path / SPENT).stat().st_size == size
    assert record.read() == Spent(Grant(10**9, 10**12), 123456.0)
    assert SpentRecord(tmp_path, "another rental").read() is None


@pytest.mark.parametrize("text", [" ", "nonsense", "1 2 3", "x 1 1 y", "1 -5 1 y", b"\xff\xfe"])
def test_a_damaged_record_leaves_nothing(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / SPENT).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert SpentRecord(tmp_path, TOKEN).read() == Spent(Grant(0), 0.0)


@pytest.mark.parametrize("empty", [False, True])
def test_a_machine_that_has_served_without_a_record_has_nothing_left(tmp_path: Path, empty: bool) -> None:
    if empty:  # as on a disk that was full when it was made
        (tmp_path / SPENT).touch()
    assert SpentRecord(tmp_path, TOKEN).read() is None
    (tmp_path / SERVED).touch()
    assert SpentRecord(tmp_path, TOKEN).read() == Spent(Grant(0), 0.0)


def test_a_record_that_cannot_be_read_or_written_is_not_known(tmp_path: Path) -> None:
    (tmp_path / SPENT).mkdir()
    with pytest.raises(OSError, match="directory"):
        SpentRecord(tmp_path, TOKEN).read()
    assert not SpentRecord(tmp_path, TOKEN).keep(Spent(HOUR, 1.0))


@pytest.mark.parametrize(
    ("seconds", "serial"), [(-1, 0), (1.5, 0), (True, 0), (10**9 + 1, 0), (1, -1), (1, 10**12 + 1)]
)
def test_a_grant_is_a_whole_number(seconds: object, serial: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Grant(seconds, serial)  # type: ignore[arg-type]


# The meter


def test_use_counts_over_boots_and_a_restart_loses_a_minute_at_most(tmp_path: Path) -> None:
    first = meter(tmp_path, age=500.0)
    first.keep()
    second = meter(tmp_path, age=100.0)
    second.keep()
    assert second.spent() == pytest.approx(500.0 + AHEAD + 100.0, abs=2.0)
    second.keep(5.0)
    third = meter(tmp_path)
    third.keep()
    assert third.spent() == pytest.approx(500.0 + AHEAD + 105.0, abs=2.0)


def test_a_boot_stops_before_the_reserve_and_one_that_began_in_it_may_use_it(tmp_path: Path) -> None:
    first = meter(tmp_path, age=3000.0)
    first.keep()
    assert first.line() == 3000.0
    assert first.drain(600.0) == 2700.0
    second = meter(tmp_path)
    second.keep()
    assert second.line() == second.drain(600.0) == 3600.0
    assert meter(tmp_path, grant=Grant(1000)).line() == 750.0


def test_a_later_grant_begins_anew_and_an_earlier_or_the_same_one_does_not(tmp_path: Path) -> None:
    found = meter(tmp_path, age=3000.0)
    found.keep()
    assert found.granted(Grant(7200, 5))
    assert not found.granted(Grant(9999, 5))
    assert not found.granted(Grant(9999, 4))
    assert found.spent() == pytest.approx(0.0, abs=2.0)
    found.keep()
    again = meter(tmp_path)
    again.keep()
    assert again.grant == Grant(7200, 5)


def test_a_machine_without_a_budget_keeps_none_until_it_gets_one(tmp_path: Path) -> None:
    (tmp_path / SERVED).touch()
    plain = meter(tmp_path, grant=None)
    plain.keep()
    assert plain.seen(600.0) is None
    assert not (tmp_path / SPENT).exists()
    assert not plain.granted(Grant(100, 0))
    assert plain.granted(Grant(7200, 1))
    plain.keep()
    again = meter(tmp_path, grant=None)
    again.keep()
    assert again.seen(600.0) is not None


def test_a_disk_that_takes_no_record_is_waited_for_a_minute(tmp_path: Path) -> None:
    (tmp_path / SPENT).mkdir()
    found = meter(tmp_path)
    found.keep()
    found.pass_time(UNRECORDED)
    seen = found.seen(600.0)
    assert seen is not None
    assert not seen.over
    found.pass_time(1.0)
    seen = found.seen(600.0)
    assert seen is not None
    assert seen.over
    assert seen.unrecorded
    (tmp_path / SPENT).rmdir()
    found.keep()
    found.pass_time(10.0)
    seen = found.seen(600.0)
    assert seen is not None
    assert not seen.over


# The rule


def test_the_rule_waits_for_a_report_before_the_end_and_not_beyond_it() -> None:
    at = Allowance(3600.0, 2600.0, 2700.0, 3000.0)
    assert decide(View(100.0, allowance=at), RULES) is None
    near = decide(View(100.0, in_flight=1, allowance=replace(at, spent=2750.0)), RULES)
    assert near is not None
    assert (near.action, near.wait, near.reason) == (Action.STOP, True, "budget of 3600 s")
    over = decide(View(100.0, in_flight=1, allowance=replace(at, spent=3000.0)), RULES)
    assert over is not None
    assert (over.action, over.wait, over.wanted) == (Action.STOP, False, True)
    gone = decide(View(100.0, allowance=replace(at, spent=3000.0)), replace(RULES, at_budget=Action.DESTROY))
    assert gone is not None
    assert gone.action is Action.DESTROY
    blind = decide(View(100.0, in_flight=1, allowance=replace(at, unrecorded=True)), RULES)
    assert blind is not None
    assert (blind.wait, blind.reason) == (False, "its use of the budget cannot be recorded")


def test_a_claimed_machine_is_destroyed_at_its_budget_if_its_owner_wants_that(tmp_path: Path) -> None:
    asked: list[Action] = []

    def noting(_: GuardSettings, what: Action) -> Outcome:
        asked.append(what)
        return Outcome(True, "done")

    env = {"ERT_BUDGET_SECONDS": "3600", "ERT_IDLE_STOP": "0", "ERT_BOOT_DEADLINE": "0", "ERT_MAX_LIFETIME": "99999"}
    for wanted, action in (("destroy", Action.DESTROY), ("stop", Action.STOP), ("burn", Action.STOP)):
        machine = Machine(settings_for(tmp_path, **env, ERT_AT_BUDGET=wanted), age=3601.0)
        machine.switch.ask = noting
        machine.ledger.claim()
        machine.switch.meter.recorded = 1e9
        machine.switch.tick()
        assert asked.pop() is action


def test_the_environment_has_the_first_budget_and_one_that_cannot_be_read_is_none_to_spend() -> None:
    assert load({}).budget is None
    assert load({"ERT_BUDGET_SECONDS": "60"}).budget == Grant(60)
    wrong = load({"ERT_BUDGET_SECONDS": "an hour"})
    assert wrong.budget == Grant(0)
    assert any("ERT_BUDGET_SECONDS" in problem for problem in wrong.problems)
    assert load({"ERT_AT_BUDGET": "destroy"}).at_budget is Action.DESTROY


def test_the_guard_takes_a_new_budget_from_the_app(tmp_path: Path) -> None:
    machine = Machine(settings_for(tmp_path, ERT_BUDGET_SECONDS="60"), age=10.0)
    machine.ledger.grant(Grant(7200, 9))
    machine.switch.note()
    machine.switch.keep_records()
    assert machine.switch.meter.grant == Grant(7200, 9)
    assert "new budget: 7200 s from now on" in machine.said
    assert SpentRecord(tmp_path, TOKEN).read() is not None
    assert Activity("run", 1).grant() is None
    assert Activity("run", 1, grant_seconds=5, grant_serial=-1).grant() is None
