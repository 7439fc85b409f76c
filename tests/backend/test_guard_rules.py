"""The stop rules of a machine as a table, in seconds since boot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_backend.base.claim import Before
from ert_backend.guard.rules import Action, Cause, DueRule, Rules, View, Why, decide


def waited(seconds: float) -> dict[str, float]:
    return dict.fromkeys(("idle for 1200 s", "maximum lifetime of 43200 s"), seconds)


RULES = Rules(idle_stop=1200, boot_deadline=2700, max_lifetime=43200, drain_cap=600)
OWNED = View(now=0, claimed_at=100, ready_at=300)
FIRST = View(now=0, before=Before.NEVER)


def outcome(view: View, rules: Rules = RULES) -> str:
    verdict = decide(view, rules)
    if verdict is None:
        return "run"
    return "wait" if verdict.wait else verdict.action.value


@pytest.mark.parametrize(
    ("case", "view", "expected"),
    [
        ("fresh", View(now=10), "run"),
        ("unclaimed, before the deadline, however ready", replace(FIRST, now=2699, ready_at=60), "run"),
        ("unclaimed at the deadline", replace(FIRST, now=2700), "destroy"),
        ("unclaimed and ready at the deadline", replace(FIRST, now=2700, ready_at=60), "destroy"),
        ("unclaimed in this boot, and nobody knows about earlier ones", View(now=2700), "stop"),
        ("unclaimed for all the guard heard, which was not all", replace(FIRST, now=2700, unheard=True), "stop"),
        ("woken, claimed in an earlier boot, never up", View(now=2700, before=Before.CLAIMED), "stop"),
        ("woken and up, but nobody comes", View(now=1260, before=Before.CLAIMED, ready_at=60), "stop"),
        ("claimed, but the model never comes up", View(now=2700, claimed_at=100), "stop"),
        ("a long download is not idleness", View(now=2600, claimed_at=100), "run"),
        ("idle counts from ready", replace(OWNED, now=1499), "run"),
        ("idle since ready", replace(OWNED, now=1500), "stop"),
        ("work moves it", replace(OWNED, now=1500, work_at=400), "run"),
        ("idle since the last work", replace(OWNED, now=1600, work_at=400), "stop"),
        ("a late claim moves it", replace(OWNED, now=2000, claimed_at=1000), "run"),
        ("a report that moves is work", replace(OWNED, now=9000, work_at=400, in_flight=1, moving=True), "run"),
        (
            "a stuck report holds back a while",
            replace(OWNED, now=1700, work_at=400, in_flight=1, held=waited(100)),
            "wait",
        ),
        ("but not for ever", replace(OWNED, now=2200, work_at=400, in_flight=1, held=waited(600)), "stop"),
        ("nor less because the guard saw it late", replace(OWNED, now=9000, work_at=400, in_flight=1), "wait"),
        ("an app that says nothing may be writing", replace(OWNED, now=1700, work_at=400, silent=True), "wait"),
        ("but not for ever either", replace(OWNED, now=2300, work_at=400, silent=True, held=waited(600)), "stop"),
        ("lifetime", replace(OWNED, now=43200, work_at=43190), "stop"),
        ("lifetime, report in flight", replace(OWNED, now=43210, work_at=43209, in_flight=1, moving=True), "wait"),
        (
            "cap over",
            replace(OWNED, now=43800, work_at=43799, in_flight=1, moving=True, held=waited(600)),
            "stop",
        ),
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


@given(
    st.floats(0, 200_000), st.sampled_from(Before), times, times, times,
    st.integers(0, 3), st.booleans(), st.booleans(), st.floats(0, 2000),
)  # fmt: skip
def test_nothing_outlives_the_lifetime_and_the_drain_cap(
    now: float,
    before: Before,
    claimed: float | None,
    ready: float | None,
    work: float | None,
    flying: int,
    moving: bool,
    silent: bool,
    held: float,
) -> None:
    verdict = decide(View(now, before, claimed, ready, work, flying, moving, silent, held=waited(held)), RULES)
    if now >= RULES.max_lifetime and held >= RULES.drain_cap:
        assert verdict is not None
        assert not verdict.wait
    if claimed is not None and verdict is not None:
        assert verdict.action is Action.STOP, "what was claimed is never destroyed from within"
    if before is not Before.NEVER and verdict is not None:
        assert verdict.action is Action.STOP, "nor what may have been claimed"


def test_the_verdict_says_why() -> None:
    assert decide(replace(FIRST, now=2700), RULES) == DueRule(
        Action.DESTROY, Cause(Why.UNCLAIMED, 2700), wait=False, due=("unclaimed after 2700 s",)
    )


def test_what_was_waited_for_one_rule_does_not_count_for_another() -> None:
    view = replace(OWNED, now=43210, work_at=43209, in_flight=1, moving=True, held={"idle for 1200 s": 9000.0})
    assert outcome(view) == "wait"
