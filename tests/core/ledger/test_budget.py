"""Budgets and summaries: what is left, what machines may spend by themselves, forecasts and months."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.ledger.budget import given, left, share, warnings
from ert_deploy.core.ledger.model import DAY, HOUR, Ledger, Month, Transition
from ert_deploy.core.ledger.months import first_day, month_of
from ert_deploy.core.ledger.policy import NO_BUDGET, AtBudget, Budget
from ert_deploy.core.ledger.summary import summary
from tests.support.ids import nth

A, ONE = "a" * 32, nth(1)
START = 20_000 * DAY  # 2024-10-04
FIRST = first_day(month_of(20_000))
LEDGER = Ledger("ert").adding([
    Transition(A, ONE, "rented", START, disk=0.1),
    Transition(A, ONE, "granted", START, amount=2.0),
    Transition(A, ONE, "running", START, gpu=0.4),
])  # fmt: skip
STOPPED = LEDGER.adding([Transition(A, ONE, "stopped", START + 2 * HOUR)])
BOTH = Budget(3.0, 10.0, AtBudget.DESTROY)


def test_what_is_left_of_a_day_and_a_month() -> None:
    now = START + 2 * HOUR
    found = left(LEDGER, BOTH, now)
    assert [found.spent_day, found.spent_month] == pytest.approx([1.0, 1.0])
    assert [found.day, found.month] == pytest.approx([2.0, 9.0])
    assert found.given == pytest.approx(1.0)
    assert found.least == pytest.approx(2.0)
    assert [found.free(), found.free(0.4), found.free(9.0)] == pytest.approx([1.0, 1.4, 2.0])
    assert found.day_ends == START + DAY
    assert found.month_ends == first_day(month_of(20_000) + 1) * DAY
    tomorrow = left(STOPPED, BOTH, START + DAY + HOUR)
    assert tomorrow.spent_day == pytest.approx(0.1)
    assert tomorrow.spent_month == pytest.approx(0.8 + 2.5)
    assert left(STOPPED, BOTH, START + 9 * DAY).month == 0.0
    assert left(STOPPED, BOTH, START + 9 * DAY).least == 0.0


def test_a_month_counts_what_was_folded_into_it() -> None:
    months = (Month(FIRST, 1.0, 2.0, 3.0), Month(0, 9.0))
    assert left(replace(LEDGER, months=months), BOTH, START).spent_month == pytest.approx(6.0)
    assert summary(replace(LEDGER, months=months), START + HOUR).month.total == pytest.approx(6.5)
    assert summary(replace(LEDGER, months=months), START + HOUR).earlier == {0: 9.0}


def test_without_a_budget_nothing_is_left_of_none() -> None:
    found = left(LEDGER, NO_BUDGET, START + HOUR)
    assert (found.day, found.month, found.least, found.free()) == (None, None, None, 0.0)
    assert not NO_BUDGET.limited
    assert BOTH.limited
    assert Budget(per_month=1.0).limited
    assert warnings(found, NO_BUDGET) == ()


def test_a_guard_may_spend_what_it_was_given_and_has_not_used() -> None:
    assert given(LEDGER, A, START + HOUR) == pytest.approx(1.5)
    assert given(LEDGER, A, START + 9 * HOUR) == 0.0
    assert given(STOPPED, A, START + 9 * HOUR) == pytest.approx(1.0)
    again = STOPPED.adding([Transition(A, ONE, "granted", START + 5 * HOUR, amount=0.7)])
    assert given(again, A, START + 9 * HOUR) == pytest.approx(0.7)
    unseen = LEDGER.adding([Transition(A, ONE, "stopped", START + 4 * HOUR, since=START + HOUR)])
    assert given(unseen, A, START + 9 * HOUR) == pytest.approx(1.5)  # it may have stopped that early
    assert given(LEDGER.adding([Transition(A, ONE, "gone", START + 1)]), A, START + HOUR) == 0.0
    plain = Ledger("ert").adding([Transition(A, ONE, "rented", START)])
    assert given(plain, A, START) == 0.0


def test_each_free_slot_gets_the_same_share() -> None:
    assert share(3.0, 2, 0) == 1.5
    assert share(1.5, 2, 1) == 1.5
    assert share(1.5, 2, 2) == 1.5


def test_a_large_part_is_warned_of() -> None:
    at = START + 4 * HOUR + 48 * 60 + 1
    assert warnings(left(LEDGER, Budget(3.0, 100.0), at), Budget(3.0, 100.0)) == (
        "$2.40 of the $3.00 for this day are spent",
    )
    assert warnings(left(LEDGER, Budget(3.0), at - 60), Budget(3.0)) == ()
    assert len(warnings(left(LEDGER, Budget(1.0, 1.0), at), Budget(1.0, 1.0))) == 2


def test_a_summary_forecasts_the_month_by_the_last_days() -> None:
    made = summary(LEDGER, START + DAY)
    assert made.today.total == 0.0
    assert made.month.total == pytest.approx(12.0)
    assert made.forecast == pytest.approx(0.5 * 28 * 24)
    assert made.always_on == pytest.approx(12.0)
    assert made.saved == pytest.approx(0.0)
    assert list(made.days) == list(range(FIRST, 20_002))
    assert summary(LEDGER, START + 1800).forecast is None
    later = summary(STOPPED, START + 40 * DAY)
    assert later.earlier == {FIRST: pytest.approx(0.8 + 0.1 * 28 * 24)}
    assert later.forecast == pytest.approx(0.1 * 30 * 24, rel=0.01)
    assert later.saved is not None
    assert later.saved > 100.0


def test_a_ledger_without_machines_costs_nothing() -> None:
    made = summary(Ledger("ert"), START)
    assert (made.month.total, made.forecast, made.always_on, made.saved) == (0.0, None, None, None)
    only_disk = summary(Ledger("ert").adding([Transition(A, ONE, "rented", START, disk=0.1)]), START + HOUR)
    assert only_disk.always_on is None
    lone = Ledger("ert").adding([Transition(A, ONE, "running", START, gpu=0.1)])
    assert summary(lone, START + HOUR).always_on == pytest.approx(0.1)
