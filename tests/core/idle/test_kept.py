"""What an agent keeps of a machine's use: lines of text that two agents add to, and what a policy reads of them."""

from __future__ import annotations

import pytest

from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.idle.kept import MOST_EARLY, MOST_WANTED, OPEN, UNUSED, USED, Early, Kept, kept
from ert_deploy.core.idle.learned import MOST_GAPS, Gap
from ert_deploy.core.idle.prewarm import SLOT

AT = 1_700_000_000.0
EARLY = Early(AT, AT + 700, 1800.0, 0.5)
FULL = Kept((Gap(AT, 3600.0),), (AT + 9000,), (EARLY,))


def test_it_comes_back_from_its_lines() -> None:
    assert kept(FULL.lines()) == FULL
    assert FULL.lines() == {
        "idle 1700000000 3600", "request 1700009000", "early 1700000000 1700000700 1800 0.5000 open",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "", "idle 1", "idle 1 x", "request", "request -1", "request 1e99", "early 1 2 3 4", "early 1 2 3 4 gone",
        "early 1 2 3 open",
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_left_out(line: str) -> None:
    assert kept([line, "request nan"]) == Kept()


def test_two_agents_that_see_the_same_keep_it_once() -> None:
    assert FULL.with_gap(Gap(AT + 60, 3500.0)) is FULL
    assert FULL.with_wanted((AT + 9100, AT + 8200)) is FULL
    assert FULL.with_wanted((AT + 9000 + SLOT,)).wanted == (AT + 9000, AT + 9000 + SLOT)
    assert FULL.beginning(Early(AT + 5, AT + 720, 1800.0, 0.5)) is FULL
    assert len(FULL.beginning(Early(AT + 5, AT + 700 + SLOT, 1800.0, 0.5)).early) == 2


def test_an_early_start_is_no_request() -> None:
    assert FULL.with_wanted((AT, AT + 650)) is FULL
    assert len(FULL.with_wanted((AT + 701,)).wanted) == 2


def test_the_oldest_is_forgotten() -> None:
    many = Kept()
    for number in range(MOST_GAPS + 1):
        many = many.with_gap(Gap(AT + number * 1000, 500.0))
    many = many.with_wanted(AT + number * SLOT for number in range(MOST_WANTED + 1))
    for number in range(MOST_EARLY + 1):
        many = many.beginning(Early(AT + number * DAY, AT + number * DAY, 1.0, 0.0))
    assert (len(many.gaps), len(many.wanted), len(many.early)) == (MOST_GAPS, MOST_WANTED, MOST_EARLY)
    assert min(many.gaps[0].began, many.wanted[0], many.early[0].begun) > AT
    assert sum(len(line) + 6 for line in many.lines()) < 65_536, "more than a store takes"


def test_what_is_set_aside_counts_until_it_is_known_to_be_less() -> None:
    assert FULL.spent(AT + 60) == 0.5
    assert FULL.spent(AT + DAY) == 0
    assert FULL.open is EARLY
    unused = FULL.ending(EARLY, UNUSED, 0.2)
    assert (unused.spent(AT + 60), unused.open) == (0.2, None)
    assert FULL.ending(EARLY, UNUSED, 9.0).spent(AT + 60) == 0.5
    assert FULL.ending(EARLY, USED, 0.0).spent(AT + 60) == 0
    assert FULL.ending(Early(1, 2, 3, 4), USED, 0.0) == FULL
    assert {OPEN, UNUSED, USED} == {one.early[0].end for one in (FULL, unused, FULL.ending(EARLY, USED, 0.0))}


def test_a_policy_gets_it_in_local_time() -> None:
    past = FULL.past(lambda at: at + 3600)
    assert past.arrivals == [AT + 12_600]
    assert past.gaps == [Gap(AT + 3600, 3600.0)]
    assert past.unused == [(AT + 3600, 0.5)]
    assert FULL.ending(EARLY, USED, 0.0).past(lambda at: at).unused == []
