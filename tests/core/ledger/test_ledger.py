"""Ledger: intervals and costs of its transitions, in any order and repetition, and the provider's charges in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ert_deploy.core.ledger.days import SETTLED, SLACK, Cost, days
from ert_deploy.core.ledger.folding import MOST, folded
from ert_deploy.core.ledger.intervals import Interval, intervals, standing
from ert_deploy.core.ledger.model import DAY, DISK, GPU, HOUR, TRAFFIC, Charge, Ledger, Month, Transition
from ert_deploy.core.ledger.months import date_of, first_day, month_of
from ert_deploy.core.ledger.plain import from_json, to_json
from ert_deploy.core.ledger.statement import Item, charges
from tests.support.ids import nth

A, B = "a" * 32, "b" * 32
ONE, TWO = nth(1), nth(2)
START = 20_000 * DAY  # 2024-10-04
EMPTY = Ledger("ert")
LIFE = (
    Transition(A, ONE, "rented", START, disk=0.1),
    Transition(A, ONE, "traffic", START, amount=0.25),
    Transition(A, ONE, "granted", START, amount=2.0),
    Transition(A, ONE, "running", START + 600, gpu=0.4),
    Transition(A, ONE, "stopped", START + 600 + 2 * HOUR),
    Transition(A, ONE, "running", START + 20 * HOUR, gpu=0.4),
    Transition(A, ONE, "running", START + 22 * HOUR, gpu=0.6),
    Transition(A, ONE, "gone", START + 30 * HOUR),
)
WHOLE = EMPTY.adding(LIFE)


def total(ledger: Ledger, now: float) -> float:
    return sum(one.total for one in days(ledger, now).values())


def test_transitions_become_paid_intervals() -> None:
    found = {(one.kind, one.begin - START): (one.end, one.rate, one.fixed) for one in intervals(WHOLE)}
    assert found == {
        (TRAFFIC, 0): (START, 0.0, 0.25),
        (GPU, 600): (START + 600 + 2 * HOUR, 0.4, 0.0),
        (GPU, 20 * HOUR): (START + 22 * HOUR, 0.4, 0.0),
        (GPU, 22 * HOUR): (START + 30 * HOUR, 0.6, 0.0),
        (DISK, 0): (START + 30 * HOUR, 0.1, 0.0),
    }
    assert total(WHOLE, START + 99 * HOUR) == pytest.approx(0.25 + 4 * 0.4 + 8 * 0.6 + 3.0)
    assert [one.end for one in intervals(EMPTY.adding(LIFE[:4])) if one.kind == GPU] == [None]


def test_the_same_again_or_while_it_goes_on_is_not_paid_twice() -> None:
    seen_twice = WHOLE.adding([replace(LIFE[3], at=START + 700)])
    assert intervals(seen_twice) == intervals(WHOLE)
    assert intervals(WHOLE.adding([replace(LIFE[4], at=START + 5 * HOUR)])) == intervals(WHOLE)
    assert WHOLE.adding(LIFE) is WHOLE


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(LIFE), max_size=30), st.permutations(LIFE))
def test_any_order_and_repetition_of_the_same_transitions_is_the_same_ledger(
    first: list[Transition], rest: list[Transition]
) -> None:
    assert EMPTY.adding(first).adding(rest).adding(first) == WHOLE


def test_of_two_transitions_at_one_time_the_surer_one_holds_in_either_order() -> None:
    exact, about = replace(LIFE[4]), replace(LIFE[4], since=START + 700)
    for pair in ((exact, about), (about, exact)):
        assert EMPTY.adding([pair[0]]).adding([pair[1]]).transitions == (exact,)


def test_a_machine_stands_as_its_last_transitions_say() -> None:
    now = standing(EMPTY.adding(LIFE[:4]).machines()[A])
    assert (now.rented, now.gone, now.gpu, now.disk, now.since) == (True, False, 0.4, 0.1, START + 600)
    assert (now.amount, now.granted) == (2.0, START)
    assert standing(EMPTY.adding(LIFE[:5]).machines()[A]).gpu == 0.0
    gone = standing(WHOLE.machines()[A])
    assert (gone.gone, gone.gpu, gone.disk) == (True, 0.0, 0.0)
    assert standing((LIFE[1],)).rented is False


def test_costs_are_by_day_and_a_night_of_disk_is_in_both() -> None:
    found = days(WHOLE, START + 99 * HOUR)
    assert list(found) == [20_000, 20_001]
    assert found[20_000].disk == pytest.approx(2.4)
    assert found[20_001].disk == pytest.approx(0.6)
    assert found[20_000].gpu == pytest.approx(4 * 0.4 + 2 * 0.6)
    assert found[20_001].gpu == pytest.approx(6 * 0.6)
    assert found[20_000].traffic == 0.25
    assert found[20_001].charged == 0.0
    assert days(WHOLE, START + HOUR)[20_000].gpu == pytest.approx(0.4 * 3000 / HOUR)


def test_a_stop_that_nobody_saw_costs_at_most_until_it_was_seen() -> None:
    unsure = EMPTY.adding((*LIFE[:4], replace(LIFE[4], since=START + 600)))
    cost = days(unsure, START + 4 * HOUR)[20_000]
    assert cost.gpu == pytest.approx(0.8)
    assert cost.unsure == pytest.approx(0.8)
    assert days(WHOLE, START + 99 * HOUR)[20_000].unsure == 0.0


# The provider's charges


def bill(until: float, cents: bool = False) -> tuple[Item, ...]:
    """A statement that goes until that time, of the whole life."""
    found = []
    for one in intervals(WHOLE):
        end = min(until, one.end or until)
        if one.begin < until:
            amount = one.cost(0.0, max(end, one.begin + 1)) * 1.02
            found.append(Item(ONE, one.kind, one.begin, end, round(amount, 2) if cents else amount))
    return tuple(found)


def test_charges_replace_the_estimate_as_far_as_they_go() -> None:
    asof = START + 5 * HOUR
    ledger = WHOLE.charging(charges(bill(asof), asof))
    found, exact = days(ledger, START + 40 * HOUR), days(WHOLE, START + 40 * HOUR)
    early = 0.25 + 0.8 + 0.5
    assert found[20_000].charged == pytest.approx(early * 1.02)
    assert found[20_000].total == pytest.approx(exact[20_000].total + early * 0.02)
    assert found[20_000].corrected == pytest.approx(early * 0.02)
    assert found[20_001].charged == 0.0


@pytest.mark.parametrize("cents", [False, True])
def test_late_rounded_and_repeated_charges_are_met_to_the_cent(cents: bool) -> None:
    ledger, end = WHOLE, START + 40 * HOUR
    for hours in (1, 6, 6, 3, 31, 40, 40):
        asof = START + hours * HOUR
        items = bill(asof, cents)
        ledger = ledger.charging(charges((*items, *items), asof))
    assert round(total(ledger, end), 2) == round(sum(one.amount for one in bill(end, cents)), 2)
    assert sum(one.charged for one in days(ledger, end).values()) == pytest.approx(total(ledger, end))


@settings(max_examples=20, deadline=None)
@given(st.permutations([1, 3, 6, 6, 31, 40]))
def test_statements_in_any_order_leave_the_newest(order: list[int]) -> None:
    ledger = WHOLE
    for hours in order:
        ledger = ledger.charging(charges(bill(START + hours * HOUR), START + hours * HOUR))
    newest = WHOLE.charging(charges(bill(START + 40 * HOUR), START + 40 * HOUR))
    assert ledger.charging(charges(bill(START + 40 * HOUR), START + 40 * HOUR)) == ledger
    assert ledger == newest


def test_charges_of_other_machines_are_not_ours() -> None:
    assert WHOLE.charging(charges([Item(TWO, GPU, START, START + 9, 1.0)], START)) is WHOLE


def test_what_is_still_open_goes_on_to_be_estimated_after_its_charges() -> None:
    ledger = EMPTY.adding(LIFE[:4])
    asof = START + HOUR
    ledger = ledger.charging([Charge(ONE, GPU, 20_000, 0.3, asof, asof)])
    assert days(ledger, START + 2 * HOUR)[20_000].gpu == pytest.approx(0.3 + 0.4)
    assert days(ledger, START + 2 * HOUR)[20_000].traffic == 0.25  # its charge may still come


def test_after_two_days_no_more_charges_are_expected() -> None:
    short = Charge(ONE, GPU, 20_000, 0.1, START + HOUR, START + 31 * HOUR)
    assert total(WHOLE.charging([short]), START + 99 * HOUR) > 5.0
    late = replace(short, asof=START + 30 * HOUR + SETTLED + 1)
    assert total(WHOLE.charging([late]), START + 99 * HOUR) == pytest.approx(0.1)


def test_an_end_that_differs_by_a_look_is_the_same_end() -> None:
    near = Charge(ONE, GPU, 20_001, 3.0, START + 30 * HOUR - SLACK, START + 31 * HOUR)
    far = replace(near, until=START + 30 * HOUR - SLACK - 60)
    assert days(WHOLE.charging([near]), START + 31 * HOUR)[20_001].disk == 0.0
    assert days(WHOLE.charging([far]), START + 31 * HOUR)[20_001].disk > 0.0


def test_an_item_of_several_days_is_split_by_its_time() -> None:
    found = charges([Item(ONE, DISK, START + 12 * HOUR, START + 60 * HOUR, 4.0)], 1.0)
    assert [(one.day, one.amount) for one in found] == [(20_000, 1.0), (20_001, 2.0), (20_002, 1.0)]
    moment = charges([Item(ONE, TRAFFIC, START, START, 4.0)], 1.0)
    assert [(one.day, one.amount) for one in moment] == [(20_000, 4.0)]
    assert moment[0].key == (ONE, TRAFFIC, 20_000)


def test_costs_are_added_by_kind() -> None:
    both = Cost(1.0, 2.0, 3.0, 4.0, 5.0, 6.0) + Cost(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert both == Cost(2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    assert both.total == 9.0
    assert Interval(A, ONE, GPU, 5.0, 9.0, 3600.0).cost(7.0, 99.0) == 2.0


# Size


def test_machines_of_months_ago_are_folded_and_never_counted_again() -> None:
    asof = START + 31 * HOUR
    ledger = WHOLE.charging(charges(bill(asof), asof)).adding([Transition(B, TWO, "rented", START, disk=1.0)])
    before = {day: cost.total for day, cost in days(ledger, START + 50 * DAY).items()}
    alone = {day: cost.total for day, cost in days(WHOLE.charging(ledger.charges), START + 50 * DAY).items()}
    assert folded(ledger, START + 50 * DAY) is ledger  # gone last month
    small = folded(ledger, START + 80 * DAY)
    assert [one.first for one in small.months] == [first_day(month_of(20_000))]
    assert small.months[0].gpu + small.months[0].disk + small.months[0].traffic == pytest.approx(sum(alone.values()))
    assert list(small.machines()) == [B]
    assert small.charges == ()
    assert small.adding(LIFE) is small
    assert small.charging(ledger.charges) is small
    assert sum(before.values()) > sum(alone.values())


def test_a_ledger_that_is_full_folds_at_any_age_and_adds_up() -> None:
    many = [
        Transition(f"{n:x}".rjust(6, "0").ljust(32, "f"), nth(n + 5), what, START + n, disk=1.0)
        for n in range(MOST)
        for what in ("rented",)
    ]
    gone = [Transition(f"{n:x}".rjust(6, "0").ljust(32, "f"), nth(n + 5), "gone", START + n + HOUR) for n in range(5)]
    full = EMPTY.adding([*many, *gone])
    small = folded(full, START + DAY)
    assert len(small.transitions) == MOST - 5
    assert small.months[0].disk == pytest.approx(5.0)
    again = folded(
        small.adding(
            Transition(f"{n:x}".rjust(6, "0").ljust(32, "f"), nth(n + 5), "gone", START + n + HOUR)
            for n in range(5, 15)
        ),
        START + DAY,
    )
    assert again.months[0].disk == pytest.approx(15.0)


def test_months_and_dates_are_those_of_the_calendar() -> None:
    assert date_of(0) == (1970, 1, 1)
    assert date_of(20_000) == (2024, 10, 4)
    assert date_of(first_day(month_of(19_782))) == (2024, 2, 1)
    for day in range(18_000, 22_000, 7):
        assert first_day(month_of(day)) <= day < first_day(month_of(day) + 1)
    assert first_day(month_of(19_782) + 1) - first_day(month_of(19_782)) == 29
    epoch = date(1970, 1, 1).toordinal()
    edges = [epoch + first_day(year * 12 + month) + by for year in range(1, 2800) for month in (0, 2) for by in (-1, 0)]
    for ordinal in [*range(1, 1_000_000, 61), *edges[1:]]:
        there = date.fromordinal(ordinal)
        assert date_of(ordinal - epoch) == (there.year, there.month, there.day)


# Plain data


def test_the_ledger_is_read_back_as_it_was() -> None:
    ledger = replace(
        WHOLE.charging(charges(bill(START + HOUR), START)), months=(Month(1, 2.0),), closed=("abc",), generation=7
    )
    assert from_json(to_json(ledger)) == ledger


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "version 2 is not known"),
        ({"more": 1}, "fields of a ledger"),
        ({"transitions": [{"token": A, "instance": "1", "what": "eaten", "at": 1.0}]}, "no transition"),
        ({"transitions": [{"token": A, "instance": "1", "what": "gone", "at": float("inf")}]}, "finite"),
        (
            {"charges": [{"instance": "1", "kind": "tax", "day": 1, "amount": 1.0, "until": 1.0, "asof": 1.0}]},
            "no kind of cost",
        ),
    ],
)
def test_foreign_data_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        from_json({**to_json(EMPTY), **change})
    with pytest.raises(TypeError):
        from_json([])
