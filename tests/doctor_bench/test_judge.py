"""The judgement of the bench: a cause counts in its own line only, a pair in the first two, and nothing in no line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.file import NotRunning, WorldError
from tests.doctor_bench import __main__ as bench
from tests.doctor_bench import world
from tests.doctor_bench.__main__ import cases, chosen
from tests.doctor_bench.healthy import busy_worlds, worlds
from tests.doctor_bench.judge import Outcome, not_made, outcome, read, totals
from tests.doctor_bench.pairs import PAIRS, Pair
from tests.doctor_bench.troubles import BY_ID
from tests.doctor_bench.world import Ended

CREDIT = BY_ID["credit-gone"]
HEALTHY = next(worlds())
BOOTING = next(busy_worlds())
PAIR = Pair(BY_ID["host-offline"], BY_ID["later-deploy-fails"])


def _doctor(*seen: str, code: int = 6) -> Ended:
    return Ended(code if seen else 0, json.dumps({"causes": [{"seen": one, "why": "credit"} for one in seen]}), "")


def _status(code: int = 6) -> Ended:
    return Ended(code, "", "")


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (("no credit",), True),
        (("no credit", "else"), True),
        (("else", "no credit"), False),
        (("else",), False),
        ((), 0),
    ],
)
def test_the_cause_has_to_be_in_the_first_line(seen: tuple[str, ...], right: bool) -> None:
    assert outcome(CREDIT, _doctor(*seen), _status()).right is bool(right)


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (("the host is offline", "the deploy failed"), True),
        (("the deploy failed", "the host is offline"), True),
        (("the host is offline", "and again offline"), False),
        (("the host is offline, the deploy failed",), True),
        (("the host is offline",), False),
        (("else", "the host is offline", "the deploy failed"), False),
    ],
)
def test_both_causes_of_a_pair_have_to_be_in_the_first_two_lines(seen: tuple[str, ...], right: bool) -> None:
    assert outcome(PAIR, _doctor(*seen), _status()).right is right


def test_nothing_may_be_named_in_a_healthy_world_but_a_run_that_is_under_way() -> None:
    assert outcome(HEALTHY, _doctor(), _status(0)).right
    assert not outcome(HEALTHY, _doctor("credit"), _status(0)).right
    assert not outcome(HEALTHY, Ended(5, '{"causes": []}', ""), _status(0)).right
    assert outcome(BOOTING, _doctor("a run holds the lock"), _status()).right
    assert not outcome(BOOTING, _doctor("no credit"), _status()).right


def test_a_failure_of_the_command_names_no_cause() -> None:
    broken = Ended(1, '{"error": "no credit"}', "Traceback: no credit")
    found = outcome(CREDIT, broken, _status())
    assert not found.right
    assert found.lines == ("no diagnosis (exit code 1)",)


@pytest.mark.parametrize(("code", "right"), [(6, True), (0, False), (5, False), (1, False)])
def test_the_verdict_of_status_is_its_exit_code(code: int, right: bool) -> None:
    assert outcome(CREDIT, _doctor("no credit"), _status(code)).status_right is right


def test_the_totals_miss_a_target_and_mention_what_was_not_played() -> None:
    right = outcome(CREDIT, _doctor("no credit"), _status())
    wrong = not_made(BY_ID["outbid"], "not made: AssertionError")
    assert list(totals([right])) == [
        ("single: 1 of 1 right (100.0 %), wanted 96 %: met", True),
        ("pair: none played", True),
        ("healthy: none played", True),
        ("status: 1 of 1 right (100.0 %), wanted 90 %: met", True),
    ]
    assert [met for _, met in totals([right, wrong])] == [False, True, True, False]


def test_a_record_is_read_back_and_the_last_of_a_world_counts() -> None:
    first = outcome(CREDIT, _doctor("else"), _status())
    again = outcome(CREDIT, _doctor("no credit"), _status())
    other = not_made(HEALTHY, "not made")
    assert read([first.record, other.record, again.record]) == (again, other)


def test_worlds_are_chosen_by_group_word_and_seed() -> None:
    assert [one.id for one in chosen(["single"], "=outbid", 0, 1)] == ["outbid"]
    assert {one.id for one in chosen(["pair"], "stray", 0, 1)} == {p.id for p in PAIRS if "stray" in p.id}
    every = chosen(["single", "pair", "healthy"], "", 0, 1)
    assert len(every) == len(cases())
    assert chosen(["single"], "", 5, 7) == chosen(["single"], "", 5, 7) != chosen(["single"], "", 5, 8)


def test_a_line_tells_what_was_expected_and_what_was_found() -> None:
    found = Outcome("x", "single", "the cause", right=False, lines=("one", "two"), verdict="unclear", wanted="degraded")
    assert found.line == "WRONG, status WRONG: single x (the cause) doctor: one; status: unclear, not degraded"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda one: one.id)
def test_no_cause_of_a_pair_is_found_by_what_finds_the_other(pair: Pair) -> None:
    assert not set(pair.first.words) & set(pair.second.words)


def test_a_world_that_does_not_start_is_not_right_and_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr(bench, "World", refuse)
    found = bench.played(bench.chosen(["healthy"], "=never-used-1 =after-up-1", 0, 1), 1, None)
    assert [(one.right, one.status_right) for one in found] == [(False, False)] * 2
    assert found[0].error == "not made: OSError: no port is free"


@pytest.mark.parametrize("failing", [0, 2, 3])
def test_a_sandbox_that_was_too_slow_is_started_again(
    failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = object(), []

    def start(*_: object, **__: object) -> object:
        asked.append(1)
        if len(asked) <= failing:
            raise WorldError("first deploy finished as update_failed")
        return made

    def stop(*_: object) -> None:
        raise NotRunning("nothing is left of it")

    monkeypatch.setattr(daemon, "start", start)
    monkeypatch.setattr(daemon, "stop", stop)
    one = world.World(tmp_path)
    if failing == world.STARTS:
        with pytest.raises(WorldError):
            one._started_with(None)
    else:
        assert one._started_with(None) is made
    assert len(asked) == min(failing + 1, world.STARTS)
