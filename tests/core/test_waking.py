"""The phase of a deployment, and what it needs without a request: never more than `wake`, never against a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model.boot.allowance import SPENT
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.log.happened import FAILED, NOT_ENDED, Happened
from ert_deploy.core.model.observed import Health, Instance, Power, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.app_env import withdrawn
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.waking import CONTENT, OVERDUE, Action, Need, Phase, Waking, may_act, need, waking
from tests.support.ids import nth
from tests.support.situations import DASH, NOW, UP, app, env, instance, intent, record, served, stopped
from tests.support.verdicts import BUSY, ENV, PEM, SEVEN, WELL, empty, serving, sleeping

LOADING = Health(Vital.LOADING, phase="pulling", completed=30, total=100)
OUTBID: dict[str, Any] = {"outbid": True, "bid": True, "disk_dph": 0.002}


def recalling(facts: Facts, *events: str, why: str = "", **of_state: Any) -> Facts:
    """Return the facts with these events of instance 7 in the history, and other changes of the state."""
    assert isinstance(facts.situation, Situation)
    seen = facts.situation.observed
    history = tuple(Happened(NOW - 100 + n, what, SEVEN, why) for n, what in enumerate(events))
    state: State = replace(seen.state, history=history, **of_state)
    return replace(facts, situation=Situation(facts.desired, replace(seen, state=state)))


def unused(facts: Facts) -> Facts:
    """Return the facts of an app without a backend."""
    assert isinstance(facts.situation, Situation)
    off = (app(withdrawn(DASH)),)
    seen = replace(facts.situation.observed, publications=off)
    return replace(facts, publications=off, situation=Situation(facts.desired, seen))


def told(facts: Facts) -> tuple[str, str]:
    found = waking(facts)
    return found.phase.value, found.reason


def test_what_serves_is_ready() -> None:
    assert waking(serving()) == Waking(Phase.READY, paid=True)


def test_what_could_not_be_read_is_unknown() -> None:
    facts = replace(serving(), situation=Missing("no answer"))
    assert (told(facts), need(facts)) == (("unknown", "no answer"), CONTENT)
    assert not may_act(facts)


def test_a_boot_has_its_stage_and_its_share() -> None:
    facts = serving(health=LOADING, pinned=False)
    found = waking(facts)
    assert (found.phase, found.stage, found.progress, found.paid) == (Phase.WAKING, LaunchStage.DOWNLOAD, 0.3, True)
    early = waking(serving(instance(7, status="loading", address=None), health=None))
    assert (early.phase, early.stage, early.progress) == (Phase.WAKING, LaunchStage.PULL, None)
    over = waking(serving(health=replace(LOADING, completed=101)))
    assert over.progress == 1.0


def test_a_machine_that_cannot_serve_has_failed() -> None:
    facts = serving(instance(7, status="running"), health=None, records=(served(7, stranded=NOW - 1),))
    assert told(facts) == ("failed", "it cannot be started")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (sleeping(Asleep.IDLE), ("asleep", "it is stopped: idle")),
        (sleeping(Missing("no log")), ("asleep", "it is stopped")),
        (recalling(sleeping(Asleep.IDLE), "stopped"), ("asleep", "it is stopped: idle")),
        (empty(), ("gone", "no machine exists")),
        (empty(intents=(intent(9, 10),)), ("waking", "a machine is being rented")),
        (empty(intents=(intent(9, 10, gone=True),)), ("gone", "no machine exists")),
    ],
)
def test_what_does_not_run_sleeps_or_is_gone(facts: Facts, expected: tuple[str, str]) -> None:
    assert told(facts) == expected


def test_after_a_run_that_failed_it_says_why() -> None:
    for facts in (sleeping(Asleep.ASKED), empty()):
        assert told(recalling(facts, FAILED))[0] == "failed"
        assert "the last run failed" in told(recalling(facts, FAILED))[1]
    found = waking(recalling(empty(intents=(intent(9, 10),)), FAILED))
    assert (found.phase, found.paid) == (Phase.FAILED, True)


def test_a_run_that_the_budget_did_not_allow_has_not_failed_for_good() -> None:
    facts = recalling(sleeping(Asleep.BUDGET), FAILED, why=SPENT)
    assert told(facts) == ("asleep", f"the last run failed 1 min ago: {SPENT}")
    assert not may_act(facts)
    assert may_act(facts, despite_budget=True)
    assert not may_act(recalling(sleeping(Asleep.BUDGET), FAILED, why="no answer"), despite_budget=True)


def test_what_is_as_wanted_needs_nothing() -> None:
    for facts in (serving(), sleeping(Asleep.IDLE), sleeping(Asleep.ASKED), sleeping(Asleep.OUTSIDE), empty()):
        assert need(facts, (SEVEN,)) == CONTENT


def test_an_outbid_machine_is_woken_unless_somebody_asked_for_sleep() -> None:
    outbid = serving(stopped(7, **OUTBID), health=None, asleep=Asleep.OUTBID)
    assert need(recalling(outbid, "ready")) == Need(Action.WAKE, f"instance {SEVEN} was outbid")
    assert need(recalling(outbid, "ready", "stopped")) == CONTENT
    assert need(recalling(outbid, "ready", NOT_ENDED)) == CONTENT


def lost(*events: str) -> Facts:
    return recalling(empty(apps=(app(ENV),), records=(record(7, published=True),)), *events)


def test_a_machine_that_ran_and_is_listed_no_more_is_replaced() -> None:
    assert need(lost(), (SEVEN,)) == Need(Action.WAKE, f"instance {SEVEN} is not listed any more")
    assert need(lost(), (nth(8),)) == CONTENT
    assert need(lost(FAILED), (SEVEN,)) == CONTENT
    assert need(unused(lost()), (SEVEN,)) == CONTENT


def test_an_interrupted_wake_is_continued() -> None:
    taken = recalling(sleeping(Asleep.TAKEN, records=(served(7, stranded=NOW - 9),)), "started", "stranded")
    assert need(taken) == Need(Action.WAKE, "a wake was interrupted")
    unknown = recalling(sleeping(Asleep.IDLE, intents=(intent(9, 10),)))
    assert need(unknown) == Need(Action.WAKE, "a wake was interrupted")
    assert need(recalling(sleeping(Asleep.IDLE), "stranded", FAILED)) == CONTENT


def test_what_a_plan_would_do_with_a_running_machine_is_needed() -> None:
    found = need(serving(health=LOADING))
    assert found.action is Action.WAKE
    moved = serving(apps=(app({**env(7), DASH.names.url: Secret("https://203.0.113.9:1")}),))
    assert need(moved).action is Action.WAKE
    assert need(unused(serving(health=LOADING))) == CONTENT


def test_a_changed_config_waits_for_a_person() -> None:
    other = serving(instance(7, status="running", spec="another"))
    assert need(other) == CONTENT
    assert need(serving(instance(7, status="running", dph=0.9))) == CONTENT


def test_without_the_web_host_the_state_says_whether_it_is_in_use() -> None:
    alone = replace(UP, publishes=False)
    published = replace(record(7, published=True), certificate=PEM)
    booting: dict[str, Any] = {"health": LOADING, "desired": alone, "apps": ()}
    assert need(serving(records=(published,), **booting)).action is Action.WAKE
    assert need(serving(records=(record(7),), **booting)) == CONTENT


def test_an_app_that_was_not_read_is_not_judged() -> None:
    assert need(serving(health=LOADING, unread={"dash": "no answer"})) == CONTENT
    assert need(replace(serving(health=LOADING), absent={"dash": "no such service"})) == CONTENT


def test_an_undecided_instance_waits_for_a_person() -> None:
    stray = replace(instance(9, status="running"), owner="")
    assert need(serving(instance(7, status="running"), stray, health=LOADING)) == CONTENT


def idle(seconds: float | None, instance: Instance | None = None, **more: Any) -> Need:
    figures = replace(BUSY, idle=seconds, **more)
    return need(serving(figures=figures, health=WELL))


def test_a_machine_whose_own_switch_failed_is_put_to_sleep() -> None:
    found = idle(1200.0 + OVERDUE + 1)
    assert (found.action, found.reason) == (Action.SLEEP, "instance 7 is idle for 1501 s, and has to stop after 1200 s")
    assert idle(1200.0 + OVERDUE) == CONTENT
    assert idle(None) == CONTENT
    for more in ({"active": 1}, {"waiting": 2}, {"draining": True}, {"idle_stop": 0.0}, {"idle_stop": None}):
        assert idle(99_999.0, **more) == CONTENT
    assert need(serving(figures=Missing("no key"))) == CONTENT


def test_power_that_is_not_known_is_no_sleep() -> None:
    facts = serving(instance(7, status="running", power=Power.UNKNOWN), health=None)
    assert waking(facts).phase is Phase.WAKING
