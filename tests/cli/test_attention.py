"""`down` and `sleep` output when operator action is needed: one line per instance, and possible costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.app.attention import doubtful, needs_attention, untold
from ert_deploy.app.outcome import Outcome, joined
from ert_deploy.cli.failure import explain
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention
from tests.support.ids import nth

RENDER = ("ert-dashboard", "Render did not answer")
HINT = "`ert-deploy adopt|ignore|destroy 902` decides this"
WHY = "it has our label and not our environment"
LINE = f"instance {{}} was not changed and may bill: {WHY}"


def outcome(*suspects: int, abandoned: tuple[tuple[str, str], ...] = ()) -> Outcome:
    doubts = tuple((nth(number), WHY) for number in suspects)
    return Outcome("ert", Phase.ABSENT, changed=True, undecided=doubts, abandoned=abandoned)


def code(left: NeedsAttention | None) -> int:
    assert left is not None
    return explain(left)


def test_nothing_left_is_nothing_to_say() -> None:
    assert untold(outcome()) is None
    assert doubtful(outcome()) is None


@pytest.mark.parametrize("what", [untold, doubtful])
def test_one_instance_that_may_be_ours(
    what: Callable[[Outcome], NeedsAttention | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(what(outcome(902))) == 5
    assert capsys.readouterr().err == f"error: {LINE.format(902)}\nhint: {HINT}\n"


@pytest.mark.parametrize("what", [untold, doubtful])
def test_several_have_a_line_each(
    what: Callable[[Outcome], NeedsAttention | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(what(outcome(902, 903))) == 5
    said = capsys.readouterr().err.splitlines()
    assert said[1:3] == [f"  {LINE.format(902)}", f"  {LINE.format(903)}"]


def test_what_may_still_appear_is_said_with_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    left = Outcome("ert", Phase.ABSENT, changed=True, abandoned=(RENDER,), unknown_until=1_700_000_000.0)
    assert code(untold(left)) == 5
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "error: nothing of ert is listed; until 2023-11-14 22:13:20 UTC something may still appear"
    assert "  ert-dashboard: Render did not answer" in said


def test_an_app_that_was_not_told_is_said_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert code(untold(outcome(abandoned=(RENDER,)))) == 5
    said = capsys.readouterr().err
    assert "nothing bills any more, but the app still points at the old backend" in said
    assert "  ert-dashboard: Render did not answer" in said


def test_with_both_nobody_says_that_nothing_bills(capsys: pytest.CaptureFixture[str]) -> None:
    assert code(untold(outcome(902, abandoned=(RENDER,)))) == 5
    said = capsys.readouterr().err
    assert "nothing bills" not in said
    assert said.splitlines()[1:3] == ["  ert-dashboard: Render did not answer", f"  {LINE.format(902)}"]


def test_a_backend_that_does_not_fit_hides_no_instance_that_is_to_be_assigned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    doubts = ((nth(902), WHY),)
    lefts = [NeedsAttention(f"instance {number} keeps serving", "no room", "set plan/slots: 2") for number in (1, 2)]
    each = [Outcome("ert", Phase.RUNNING, changed=True, left=lefts[0]), Outcome("ert.2", Phase.RUNNING, changed=True)]
    assert code(needs_attention(joined([each[0], replace(each[1], left=lefts[1], undecided=doubts)]))) == 5
    said = capsys.readouterr().err.splitlines()
    assert said[:4] == [
        "error: instance 1 keeps serving", "  no room", "  instance 2 keeps serving", "  no room"
    ]  # fmt: skip
    assert said[4:] == [f"  {LINE.format(902)}", f"hint: set plan/slots: 2; {HINT}"]


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.ASLEEP])
def test_a_replica_that_was_not_removed_in_full_is_said(phase: Phase, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Outcome("ert", phase, changed=True, abandoned=(("other", "not needed to sleep"),))
    removed = Outcome("ert.2", Phase.ABSENT, changed=True, abandoned=(RENDER,))
    assert needs_attention(joined([kept, replace(removed, abandoned=())])) is None
    assert code(needs_attention(joined([kept, replace(removed, unknown_until=1_700_000_000.0)]))) == 5
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "error: not everything of the removed replicas of ert is gone",
        "  ert-dashboard: Render did not answer",
        "  an instance of one may still appear until 2023-11-14 22:13:20 UTC",
        "hint: run the same command again later",
    ]
