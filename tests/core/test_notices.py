"""Notices: what is said of a run, of a failure and of a look, and what is said only once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model import events, steps
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import BudgetSpent, CannotObserve, Failed, OverBudget, Undecided
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Health, OffSwitch, Power, Vital
from ert_deploy.core.model.state import Intent
from ert_deploy.core.notices.increase import PriceIncrease, of_increases
from ert_deploy.core.notices.notice import MOST_REMEMBERED, Findings, Kind, Notice, message
from ert_deploy.core.notices.of_look import of_look
from ert_deploy.core.notices.of_run import of_failure, of_rotation, of_run
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Missing
from tests.support.fakes.loopback import offer
from tests.support.ids import nth
from tests.support.situations import NOW, app, instance, intent, token
from tests.support.verdicts import ENV, PEM, WELL, serving, sleeping

RENT = events.Started(steps.Rent("launch.image changed"))


def rented(number: int) -> tuple[events.Event, ...]:
    return (RENT, events.Rented(nth(number), offer(number)))


def verified(number: int) -> events.Event:
    return events.Verified(instance(number), WELL, "ab" * 32)


def said(found: Findings) -> list[str]:
    return [f"{n.key}: {n.text}" for n in found.notices]


def looked(facts: Facts) -> Findings:
    return of_look(facts, links(facts))


@pytest.mark.parametrize(
    ("phase", "heard", "expected"),
    [
        (Phase.RUNNING, (), []),
        (Phase.RUNNING, (*rented(7), verified(7)), ["wake/7: instance 7 serves: it was rented"]),
        (Phase.RUNNING, (events.Woken(nth(7)),), ["wake/7: instance 7 serves: it was started again"]),
        (Phase.RUNNING, (verified(7),), []),  # it served before
        (
            Phase.RUNNING,
            (*rented(8), verified(8), events.Retired(nth(7), "another instance serves")),
            [
                "wake/8: instance 8 serves: it was rented",
                "replaced/7: instance 8 replaces 7: launch.image changed",
            ],
        ),
        # A machine of this run that failed is no news, and neither is one that only cost money.
        (
            Phase.RUNNING,
            (*rented(6), events.Retired(nth(6), "it made no progress"), *rented(7), verified(6), verified(7)),
            ["wake/7: instance 7 serves: it was rented"],
        ),
        (
            Phase.RUNNING,
            (events.Woken(nth(7)), verified(7), events.Retired(nth(6), "no longer needed")),
            ["wake/7: instance 7 serves: it was started again"],
        ),
        (
            Phase.RUNNING,
            (events.Woken(nth(7)), events.Stranded(nth(7), "its GPU is taken")),
            ["outbid/7: instance 7 cannot be started again: its GPU is taken"],
        ),
        (
            Phase.ASLEEP,
            (events.Stopped(nth(7)), events.Stopped(nth(8)), events.Retired(nth(8), "another disk is kept")),
            ["sleep/7: instance 7 was stopped; its disk is kept"],
        ),
        (Phase.ABSENT, (events.Stopped(nth(7)), events.Retired(nth(7), "no longer needed")), []),
    ],
)
def test_a_run_that_ended_well_says_what_it_did(phase: Phase, heard: Any, expected: list[str]) -> None:
    assert said(of_run(phase, heard)) == expected


@pytest.mark.parametrize("phase", list(Phase))
def test_instances_without_an_owner_are_named_after_each_run(phase: Phase) -> None:
    assert said(of_run(phase, (), ((nth(5), "two owners"),))) == ["orphan/5: instance 5 may bill: two owners"]


def test_a_failure_is_said_where_it_is_about_money_or_owners() -> None:
    assert said(of_failure(Failed("no offer"), ())) == []
    assert said(of_failure(OverBudget("plan/max_cost is $1"), ())) == ["budget/plan/max_cost: plan/max_cost is $1"]
    assert said(of_failure(BudgetSpent("nothing is left"), ())) == ["budget/policy/budget: nothing is left"]
    assert f"{Kind.BUDGET}/policy/budget" in of_run(Phase.RUNNING, ()).over
    assert said(of_failure(Undecided("whose?", found=((nth(5), "no owner"),)), ())) == [
        "orphan/5: instance 5 may bill: no owner"
    ]
    stranded = (events.Stranded(nth(7), "it is rented"),)
    assert said(of_failure(CannotObserve("gone"), stranded))[0].startswith("outbid/7")


def test_a_rotation_names_both_keys_by_their_hashes() -> None:
    (notice,) = of_rotation("aaaa1111", "bbbb2222").notices
    assert (notice.kind, notice.text) == (Kind.KEY_ROTATED, "the apps use key bbbb2222 in place of aaaa1111")
    assert of_rotation("", "bbbb2222").notices[0].text == "the apps use key bbbb2222"


def test_a_deployment_that_serves_has_no_notice_and_ends_every_condition() -> None:
    found = looked(serving())
    assert found.notices == ()
    told = frozenset({"sleep/7", "budget/credit", "unhealthy/engine/7", "off_switch/7", "budget/plan/max_cost"})
    assert found.remembered(told) == {"budget/plan/max_cost"}  # whether that is over, a look does not tell


@pytest.mark.parametrize(
    ("facts", "key", "text"),
    [
        (sleeping(Asleep.IDLE), "sleep/7", "instance 7 is stopped (idle)"),
        (sleeping(Missing("no log")), "sleep/7", "instance 7 is stopped"),
        (sleeping(Asleep.OUTBID), "outbid/7", "instance 7 is stopped: a higher bid has its GPU"),
        (sleeping(Asleep.TAKEN), "outbid/7", "instance 7 is stopped: it is rented to another tenant"),
        (serving(credit=Credit(0.05, "add credit")), "budget/credit", "credit is $0.05"),
        (
            serving(health=replace(WELL, off_switch=OffSwitch.REFUSED)),
            "off_switch/7",
            "instance 7: the provider denies",
        ),
        (serving(instance(7, status="running", ends=NOW + 7200.0)), "contract_end/7", "ends in 2 h 00 min"),
        (serving(instance(7, status="running", ends=NOW - 5.0)), "contract_end/7", "of instance 7 is over"),
        (
            serving(instance(7, status="running", agreed=0.15, dph=0.2)),
            "price/7/0.20",
            "instance 7 costs $0.2000/h: its price rose from $0.1500/h",
        ),
        (serving(apps=(app(ENV, shows="another"),)), "unhealthy/app instance/dash", "app instance dash: fingerprint"),
        (serving(apps=(app(ENV, shows=None),), answers={"srv-dash": 0}), "unhealthy/app instance/dash", "no response"),
        (
            serving(health=Health(Vital.UNHEALTHY, "it is stuck", certificate=PEM)),
            "unhealthy/engine/7",
            "engine 7: unhealthy",
        ),
    ],
)
def test_a_condition_is_found_by_a_look(facts: Facts, key: str, text: str) -> None:
    (notice,) = [n for n in looked(facts).notices if n.key == key]
    assert text in notice.text
    assert notice.lasts
    assert not notice.event


def test_a_machine_that_boots_has_neither_an_unproven_switch_nor_an_unhealthy_app() -> None:
    booting = Health(Vital.LOADING, "loading", certificate=PEM, off_switch=OffSwitch.UNKNOWN)
    kinds = {n.kind for n in looked(serving(health=booting)).notices}
    assert Kind.OFF_SWITCH not in kinds
    assert Kind.OFF_SWITCH not in {n.kind for n in looked(serving(health=None)).notices}


def test_a_machine_that_is_stopping_does_not_sleep_yet() -> None:
    stopping = serving(instance(7, status="running", power=Power.STOPPING), health=None)
    assert Kind.SLEEP not in {n.kind for n in looked(stopping).notices}


def test_an_unassigned_instance_is_an_orphan() -> None:
    stray = replace(instance(9), owner="", mark=Mark("ert", token(9)))
    (notice,) = looked(serving(instance(7), stray)).notices
    assert (notice.key, notice.text.partition(":")[0]) == ("orphan/9", "instance 9 may bill")


@pytest.mark.parametrize(("intents", "found"), [((), ["orphan/8"]), ((intent(8, 5.0),), [])])
def test_an_instance_that_the_state_does_not_have_is_an_orphan_unless_it_is_being_created(
    intents: tuple[Intent, ...], found: list[str]
) -> None:
    facts = serving(instance(7), instance(8))
    assert isinstance(facts.situation, Situation)
    observed = facts.situation.observed
    made = replace(observed, state=replace(observed.state, intents=intents))
    notices = looked(replace(facts, situation=Situation(facts.desired, made))).notices
    assert [n.key for n in notices if n.kind is Kind.ORPHAN] == found


def test_what_could_not_be_read_is_not_over() -> None:
    told = frozenset({"sleep/7", "budget/credit", "unhealthy/engine/7"})
    blind = replace(serving(), situation=Missing("no list"), credit=Missing("no list"))
    assert looked(blind).remembered(told) >= told
    half = serving(unread={"srv-dash": "no answer"})
    assert looked(half).remembered(told) & told == {"unhealthy/engine/7"}


def test_a_condition_is_sent_once_until_it_is_over() -> None:
    asleep, awake = looked(sleeping(Asleep.IDLE)), looked(serving())
    told: frozenset[str] = frozenset()
    sent = []
    for look in (asleep, asleep, awake, asleep):
        sent.append(len(look.news(told)))
        told = look.remembered(told)
    assert sent == [1, 0, 0, 1]


def test_a_price_is_said_once_for_each_rise_and_not_again_after_a_sleep() -> None:
    def at(dph: float, **changes: Any) -> Findings:
        return looked(serving(instance(7, **{"status": "running", "agreed": 0.15, "dph": dph, **changes})))

    off = {"status": "exited", "power": Power.STOPPED}
    told: frozenset[str] = frozenset()
    sent = []
    for look in (at(0.15), at(0.2), at(0.2), at(0.2, **off), at(0.2), at(0.3), at(0.15), at(0.2), at(0.1)):
        sent.append(sum(one.kind is Kind.PRICE for one in look.news(told)))
        told = look.remembered(told)
    assert sent == [0, 1, 0, 0, 0, 1, 0, 1, 0]
    assert not [key for key in told if key.startswith(Kind.PRICE)]


def test_an_offer_to_prolong_at_a_higher_price_is_said_once() -> None:
    asked = PriceIncrease("4", nth(7), 0.2, 0.26, NOW + 90_000.0)
    found = of_increases(
        (asked, replace(asked, id="5", instance=nth(9)), replace(asked, id="6", after=0.2)), [nth(7)], NOW
    )
    assert said(found) == [
        "price/asked/4: the host of instance 7 offers to go on at $0.2600/h for the GPU in place of $0.2000/h; without "
        "that its contract ends in 1 d 1 h"
    ]
    told = found.remembered(frozenset())
    assert found.news(told) == ()
    assert of_increases((), [nth(7)], NOW).remembered(told) == frozenset()
    assert looked(serving()).remembered(told) == told  # a look that could not read them
    both = looked(serving(instance(7, status="running", ends=NOW + 60.0))).joined(found)
    assert [one.kind for one in both.notices] == [Kind.CONTRACT_END, Kind.PRICE]
    assert both.over[-1] == "price/asked/"


def test_what_a_run_did_is_always_sent_and_the_look_after_it_does_not_repeat_it() -> None:
    stopped = of_run(Phase.ASLEEP, (events.Stopped(nth(7)),))
    told = frozenset({"sleep/7"})
    assert len(stopped.news(told)) == 1
    assert looked(sleeping(Asleep.ASKED)).news(stopped.remembered(frozenset())) == ()
    assert of_run(Phase.RUNNING, ()).remembered(told) == frozenset()


def test_kinds_can_be_muted_and_the_memory_is_bounded() -> None:
    many = Findings(tuple(Notice(Kind.ORPHAN, "x", str(n)) for n in range(2 * MOST_REMEMBERED)))
    assert len(many.remembered(frozenset({"sleep/7"}))) == MOST_REMEMBERED
    assert many.without(["orphan"]).notices == ()


def test_a_message_is_plain_text_and_as_bad_as_its_worst_line() -> None:
    one = message("ert", (Notice(Kind.SLEEP, "instance 7\x1b[2J was stopped\nok"),))
    assert (one.title, one.body, one.severity) == ("ert: asleep", "asleep: instance 7 was stopped ok", "info")
    two = message("ert", (Notice(Kind.WAKE, "a"), Notice(Kind.BUDGET, "b")))
    assert (two.title, two.severity) == ("ert: 2 notices", "failure")
    assert two.body.splitlines() == ["awake: a", "money: b"]
