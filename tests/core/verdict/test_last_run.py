"""Verdict and diagnosis after a run that failed: a backend that was asked for and is not there is a fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.model.log.happened import FAILED, FINISHED, NOT_ENDED, Happened
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Standing, standing
from tests.support.situations import NOW
from tests.support.verdicts import brief, empty, serving, sleeping

ERROR = Happened(NOW - 900.0, FAILED, why="no offer matches")
REFUSED = Problem(Source.APP, "the service dash has a disk", subject="dash")


def after(facts: Facts, *events: Happened) -> Facts:
    """Return the facts with this history."""
    assert isinstance(facts.situation, Situation)
    state = replace(facts.situation.observed.state, history=events)
    return replace(facts, situation=Situation(facts.desired, replace(facts.situation.observed, state=state)))


@pytest.mark.parametrize(
    ("facts", "verdict", "line"),
    [
        (after(empty(), ERROR), Standing.DEGRADED,
         "bad contract : none (wanted: a backend) the last run failed 15 min ago: no offer matches"),
        (after(empty(), replace(ERROR, at=-NOW - 5)), Standing.DEGRADED, "the last run failed 0 s ago: no offer"),
        (after(empty(), ERROR, Happened(NOW, FINISHED)), Standing.AS_WANTED, "good contract : none (wanted: none)"),
        (after(empty(), replace(ERROR, what=NOT_ENDED)), Standing.AS_WANTED, "good contract : none"),
        (after(sleeping(Asleep.ASKED), ERROR), Standing.DEGRADED,
         "(wanted: running again) the last run failed 15 min ago: no offer matches: `ert-deploy wake`"),
        (after(sleeping(Asleep.ASKED), Happened(NOW, "stopped")), Standing.AS_WANTED, "stopped (asked)"),
        (after(sleeping(Asleep.IDLE), ERROR), Standing.AS_WANTED, "stopped (idle)"),
        (after(serving(), ERROR), Standing.AS_WANTED, "good contract 7"),
    ],
)  # fmt: skip
def test_a_backend_that_is_wanted_and_not_there_is_not_as_wanted(facts: Facts, verdict: Standing, line: str) -> None:
    found = links(facts)
    text = "\n".join(map(brief, found))
    assert (standing(found), line in text) == (verdict, True), text


@pytest.mark.parametrize(
    ("problems", "codes"),
    [
        ((), ["last-run"]),
        ((Problem(Source.MARKET, "no offer matches"),), ["market"]),
        ((REFUSED,), ["app", "last-run"]),
        ((Problem(Source.MARKET, "the credit is too low"),), ["market", "last-run"]),
    ],
)
def test_what_is_wrong_now_comes_before_what_the_last_run_met(problems: tuple[Problem, ...], codes: list[str]) -> None:
    found = diagnose(Evidence(problems, after(empty(), ERROR)))
    assert [cause.code for cause in found] == codes


def test_a_machine_that_could_not_be_woken_is_told_once() -> None:
    assert [cause.code for cause in diagnose(Evidence(facts=after(sleeping(Asleep.ASKED), ERROR)))] == ["last-run"]


def test_an_instance_beside_the_error_of_a_first_run_still_has_no_state() -> None:
    facts = after(serving(records=(), pinned=False), ERROR)
    assert diagnose(Evidence(facts=facts))[0].code == "no-state"
