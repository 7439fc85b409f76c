"""When a machine must stop: the rules as a table, in seconds since the boot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_backend.guard.rules import Action, Rules, Verdict, View, decide

RULES = Rules(idle_stop=1200, boot_deadline=2700, max_lifetime=43200, drain_cap=600)
OWNED = View(now=0, claimed_at=100, ready_at=300)


def outcome(view: View, rules: Rules = RULES) -> str:
    verdict = decide(view, rules)
    if verdict is None:
        return "run"
    return "wait" if verdict.wait else verdict.action.value


@pytest.mark.parametrize(
    ("case", "view", "expected"),
    [
        ("fresh", View(now=10), "run"),
        ("unclaimed, before the deadline, however ready", View(now=2699, ready_at=60), "run"),
        ("unclaimed at the deadline", View(now=2700), "destroy"),
        ("unclaimed and ready at the deadline", View(now=2700, ready_at=60), "destroy"),
        ("woken, claimed in an earlier boot, never up", View(now=2700, claimed_before=True), "stop"),
        ("woken and up, but nobody comes", View(now=1260, claimed_before=True, ready_at=60), "stop"),
        ("claimed, but the model never comes up", View(now=2700, claimed_at=100), "stop"),
        ("a long download is not idleness", View(now=2600, claimed_at=100), "run"),
        ("idle counts from ready", replace(OWNED, now=1499), "run"),
        ("idle since ready", replace(OWNED, now=1500), "stop"),
        ("work moves it", replace(OWNED, now=1500, work_at=400), "run"),
        ("idle since the last work", replace(OWNED, now=1600, work_at=400), "stop"),
        ("a late claim moves it", replace(OWNED, now=2000, claimed_at=1000), "run"),
        ("a report that moves is work", replace(OWNED, now=9000, work_at=400, in_flight=1, moving=True), "run"),
        ("a stuck report holds back a while", replace(OWNED, now=1700, work_at=400, in_flight=1), "wait"),
        ("but not for ever", replace(OWNED, now=2200, work_at=400, in_flight=1), "stop"),
        ("lifetime", replace(OWNED, now=43200, work_at=43190), "stop"),
        ("lifetime, report in flight", replace(OWNED, now=43210, work_at=43209, in_flight=1, moving=True), "wait"),
        ("lifetime, drain cap over", replace(OWNED, now=43800, work_at=43799, in_flight=1, moving=True), "stop"),
    ],
)
def test_the_rules(case: str, view: View, expected: str) -> None:
    assert outcome(view) == expected, case


def test_zero_switches_a_rule_off() -> None:
    off = Rules(0, 0, 0, 600)
    assert outcome(View(now=1e9), off) == "run"
    assert outcome(View(now=3000), replace(off, idle_stop=1200)) == "stop"
    assert outcome(View(now=3000), replace(off, max_lifetime=2000)) == "stop"
    assert outcome(replace(OWNED, now=1e6), replace(off, boot_deadline=2700)) == "run"


times = st.none() | st.floats(0, 100_000)


@given(st.floats(0, 200_000), st.booleans(), times, times, times, st.integers(0, 3), st.booleans())
def test_nothing_outlives_the_lifetime_and_the_drain_cap(
    now: float, before: bool, claimed: float | None, ready: float | None, work: float | None, flying: int, moving: bool
) -> None:
    verdict = decide(View(now, before, claimed, ready, work, flying, moving), RULES)
    if now >= RULES.max_lifetime + RULES.drain_cap:
        assert verdict is not None
        assert not verdict.wait
    if claimed is not None and verdict is not None:
        assert verdict.action is Action.STOP, "what was claimed is never destroyed from within"


def test_the_verdict_says_why() -> None:
    assert decide(View(now=2700), RULES) == Verdict(Action.DESTROY, "unclaimed after 2700 s", wait=False)
