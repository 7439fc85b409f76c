"""What runs left behind: unfinished machines, sleeping ones, contracts that end, and the error of the last run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.diagnosis.cause import Cause
from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.diagnosis.setup import CLOCK_OFF
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.log.happened import FAILED, FINISHED, Happened
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.provider import Notice
from ert_deploy.core.planning.ownership import known_services
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import KEY_REJECTED, Asleep, Facts
from ert_deploy.core.verdict.links import Missing
from tests.support.ids import nth
from tests.support.situations import DASH, NOW, UP, app, instance, record, stopped
from tests.support.verdicts import ENV, WELL, empty, env, serving, sleeping

SILENT = Health(Vital.UNREACHABLE, "timed out")
PULLING = Notice("3b65: Downloading 9MB/9GB", False, False, False, True, False, False)
NEW: dict[str, Any] = {"pinned": False, "apps": (app({}),), "records": (record(7, at=NOW - 1200),)}


def first(evidence: Evidence) -> Cause:
    return diagnose(evidence)[0]


def with_history(facts: Facts, *events: Happened) -> Facts:
    assert isinstance(facts.situation, Situation)
    state = replace(facts.situation.observed.state, history=events)
    return replace(facts, situation=Situation(facts.desired, replace(facts.situation.observed, state=state)))


@pytest.mark.parametrize(
    ("shown", "health", "seen"),
    [
        ({"status": None, "address": None}, None, "its host has it as provisioning"),
        ({"status": "loading", "address": None, "message": PULLING}, None, "loading (3b65: Downloading 9MB/9GB)"),
        ({"address": None}, None, "it runs, and has no public port yet"),
        ({}, SILENT, "its container runs, and nothing can be reached at its port (timed out)"),
        ({}, replace(WELL, vital=Vital.LOADING), "it is loading"),
        ({}, WELL, "it is healthy"),
    ],
)
def test_a_machine_that_no_run_works_on_is_unfinished(shown: dict[str, Any], health: Health | None, seen: str) -> None:
    facts = serving(instance(7, **shown), health=health, **NEW)
    (cause,) = diagnose(Evidence(facts=facts))
    assert cause.code == "unfinished"
    assert f"instance {nth(7)} is unfinished: rented 20 min ago, " in cause.seen
    assert seen in cause.seen
    at_work = diagnose(Evidence(facts=facts, holder="me@here, process 7", held=60.0))
    assert "unfinished" not in [cause.code for cause in at_work]


def test_an_instance_without_any_state_is_told() -> None:
    facts = serving(records=(), pinned=False)
    assert first(Evidence(facts=facts)).code == "no-state"
    known = with_history(facts, Happened(1.0, "rented", "8"))
    assert "no-state" not in [cause.code for cause in diagnose(Evidence(facts=known))]


@pytest.mark.parametrize(
    ("asleep", "code", "seen", "wanted"),
    [
        (Asleep.IDLE, "idle", "it was idle", True),
        (Asleep.LIMIT, "lifetime", "launch/guard/max_lifetime", False),
        (Asleep.BUDGET, "budget", "its part of the budget is used up", False),
        (Asleep.OUTSIDE, "contract", "stopped (not by ert-deploy)", False),
        (Asleep.TAKEN, "contract", "its GPU was taken", False),
    ],
)
def test_why_it_sleeps_is_told_unless_a_user_asked(asleep: Asleep, code: str, seen: str, wanted: bool) -> None:
    (cause,) = diagnose(Evidence(facts=sleeping(asleep)))
    assert (cause.code, cause.wanted) == (code, wanted)
    assert seen in cause.seen


@pytest.mark.parametrize(
    ("left", "code", "seen"),
    [
        (-1.0, "contract-over", "has ended"),
        (0.0, "contract-over", "has ended"),
        (1.0, "contract-ends", "ends in 0 min"),
        (1800.0, "contract-ends", "ends in 30 min"),
        (7199.0, "contract-ends", "ends in 120 min"),
        (7200.0, "contract-ends", "ends in 2 h"),
        (86_400.0, "contract-ends", "ends in 24 h"),
    ],
)
def test_a_contract_that_is_over_or_ends_within_a_day_is_told(left: float, code: str, seen: str) -> None:
    cause = first(Evidence(facts=serving(instance(7, ends=NOW + left))))
    assert cause.code == code
    assert seen in cause.seen


def test_a_stop_by_the_end_of_the_contract_is_explained_by_it() -> None:
    facts = serving(stopped(7, ends=NOW - 60), health=None, asleep=Asleep.OUTSIDE)
    assert [cause.code for cause in diagnose(Evidence(facts=facts))] == ["contract-over"]


@pytest.mark.parametrize("shown", [{"ends": NOW + 86_401}, {"ends": None}])
def test_a_contract_that_lasts_is_no_cause(shown: dict[str, Any]) -> None:
    assert diagnose(Evidence(facts=serving(instance(7, **shown)))) == ()


def test_without_the_time_of_the_provider_no_end_is_told() -> None:
    assert diagnose(Evidence(facts=serving(instance(7, ends=NOW), provider_now=None))) == ()


ERROR = Happened(9.0, FAILED, why="Vast.ai refused it: spend_rate_limit")


@pytest.mark.parametrize(
    ("events", "more", "codes"),
    [
        ((ERROR,), {}, ["last-run"]),
        ((), {}, []),
        ((ERROR, Happened(10.0, FINISHED)), {}, []),
        ((ERROR,), {"holder": "me@here, process 7", "held": 60.0}, []),
        ((ERROR,), {"failures": (Failure(nth(5), "8", 9.0, "it exited"),)}, ["launch"]),
    ],
)
def test_the_error_of_the_last_run_is_told_where_nothing_else_tells_it(
    events: tuple[Happened, ...], more: dict[str, Any], codes: list[str]
) -> None:
    assert [cause.code for cause in diagnose(Evidence(facts=with_history(empty(), *events), **more))] == codes


def test_the_error_of_a_run_is_no_cause_once_something_serves() -> None:
    assert diagnose(Evidence(facts=with_history(serving(), ERROR))) == ()
    asleep = Evidence(facts=with_history(sleeping(Asleep.ASKED), ERROR))
    assert [cause.code for cause in diagnose(asleep)] == ["last-run"]


def test_nothing_follows_from_runs_that_are_not_known() -> None:
    facts = replace(serving(), situation=Missing("no list"))
    assert [cause.code for cause in diagnose(Evidence(facts=facts))] == ["unread"]


@pytest.mark.parametrize(("off", "seen"), [(CLOCK_OFF, "ahead of"), (-CLOCK_OFF, "behind"), (CLOCK_OFF - 1, "")])
def test_a_clock_that_differs_from_the_provider_s_is_told(off: float, seen: str) -> None:
    found = diagnose(Evidence(facts=serving(), clock=off))
    assert [cause.code for cause in found] == (["clock"] if seen else [])
    assert all(f"0.2 h {seen} the provider's" in cause.seen for cause in found)


@pytest.mark.parametrize(
    ("source", "detail", "seen"),
    [
        (Source.CONFIG, "\n  offer.max_dhp: unknown key\nmore", "2 problems: offer.max_dhp: unknown key; more"),
        (Source.MARKET, "57 of 57 removed by offer/max_dph\nmore", "2 problems: 57 of 57 removed by offer/max_dph"),
        (Source.MARKET, "", "2 problems"),
        (Source.GPU, "more", "2 problems"),
    ],
)
def test_what_only_counts_is_told_with_the_first_that_is_counted(source: Source, detail: str, seen: str) -> None:
    assert first(Evidence((Problem(source, "2 problems", detail),))).seen == seen


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        (serving(apps=(app(env(at="https://203.0.113.7:9")),)), "its port is now 40007"),
        (serving(apps=(app(env(at="https://203.0.113.9:9")),)), "the backend's address is https://203.0.113.7:40007"),
        (serving(apps=(app(env(at="x")),)), "not this backend's"),
        (serving(apps=(app({**ENV, DASH.names.timeout: ENV[DASH.names.url]}),)), "not this backend's"),
        (serving(apps=(app({**ENV, DASH.names.fingerprint: ENV[DASH.names.enabled]}),)), "was changed by hand"),
        (serving(figures=KEY_REJECTED), "a key that it rejects"),
        (serving(apps=(app({k: v for k, v in ENV.items() if k == DASH.names.enabled}),)), "variables are missing"),
    ],
)
def test_what_is_wrong_with_the_variables_is_told(facts: Facts, seen: str) -> None:
    assert seen in first(Evidence(facts=facts)).seen


def test_a_state_of_another_owner_comes_before_what_follows_from_it() -> None:
    facts = serving(desired=replace(UP, owner="another-project"))
    assert isinstance(facts.situation, Situation)
    state = replace(facts.situation.observed.state, claims=Claims(owners=("our-project",)))
    other = replace(facts, situation=Situation(facts.desired, replace(facts.situation.observed, state=state)))
    cause = first(Evidence(facts=other))
    assert cause.code == "state"
    assert "of our-project (it was written for another owner" in cause.seen


def test_a_lock_taken_by_hand_is_told_at_once() -> None:
    (cause,) = diagnose(Evidence(facts=serving(), holder="me@here", held=60.0, by_hand=True))
    assert (cause.code, cause.seen) == ("lock", "me@here has locked it by hand 1 min ago")


def test_a_suspended_service_is_told_beside_the_machine_that_was_lost() -> None:
    facts = serving(apps=(replace(app(ENV), suspended="billing"),))
    assert isinstance(facts.situation, Situation)
    lost = replace(facts.situation, observed=replace(facts.situation.observed, instances=()), placed=None)
    assert [c.code for c in diagnose(Evidence(facts=replace(facts, situation=lost)))] == ["lost", "suspended"]


def test_a_provider_that_does_not_answer_several_calls_is_told_once() -> None:
    facts = replace(
        serving(credit=Missing("no account"), apps=(replace(app(ENV), suspended="billing"),)),
        situation=Missing("no list"),
    )
    found = diagnose(Evidence(facts=facts))
    assert (found[0].code, found[0].seen) == ("unread", "no account")
    assert [c.code for c in found] == ["unread", "suspended"]


@pytest.mark.parametrize(
    ("kept", "codes"),
    [((DASH.names.enabled,), ["unread", "app-config"]), (tuple(ENV), ["unread"])],
)
def test_deleted_variables_are_told_also_while_no_backend_is_known(kept: tuple[str, ...], codes: list[str]) -> None:
    here = app({name: value for name, value in ENV.items() if name in kept})
    facts = replace(serving(apps=(here,)), situation=Missing("no list"))
    assert [c.code for c in diagnose(Evidence(facts=facts))] == codes


@pytest.mark.parametrize(("owners", "told"), [(("our-project",), True), (("another-project",), False), ((), False)])
def test_an_owner_that_changed_is_told_also_with_an_app_in_common(owners: tuple[str, ...], told: bool) -> None:
    desired = replace(UP, owner="another-project")
    facts = serving(desired=desired)
    assert isinstance(facts.situation, Situation)
    services = tuple(sorted(known_services(desired, [p.service_id for p in facts.publications])))
    state = replace(facts.situation.observed.state, claims=Claims(owners, services))
    other = replace(facts, situation=Situation(desired, replace(facts.situation.observed, state=state)))
    assert ("owner" in [cause.code for cause in diagnose(Evidence(facts=other))]) is told


def test_a_lock_taken_by_hand_hides_no_other_cause() -> None:
    facts = sleeping(Asleep.OUTSIDE)
    found = diagnose(Evidence(facts=facts, holder="me@here", held=60.0, by_hand=True))
    assert [cause.code for cause in found] == ["lock", "contract"]
