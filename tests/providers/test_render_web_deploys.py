"""Deploys: starting, following, and the reason of a failure."""

from __future__ import annotations

import pytest

from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.core.model.errors import CannotObserve, Gone, OutcomeUnknown, Rejected, Transient, UsageError
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import WebService
from ert_deploy.providers.render.web import RenderWeb
from tests.support.doubles.scripted_http import HTML, Answer, Answers, Script
from tests.support.fakes.timing import FakeClock
from tests.support.render.recorded import (
    BASE,
    CANARY,
    DEPLOY,
    DEPLOYS,
    EMPTY,
    ENV,
    ONE_DEPLOY,
    SERVICE,
    deploy,
    page,
    render,
    variable,
)

OLD = page("deploy", deploy(id="dep-old", status="live", createdAt="2025-01-01T00:00:00Z"))
BOTH = page("deploy", deploy(), deploy(id="dep-old", status="live", createdAt="2025-01-01T00:00:00Z"))
ONLY = {"deployMode": "deploy_only"}


def posted(script: Script) -> list[object]:
    """Return the bodies of all POST requests."""
    return [seen.json() for seen in script.seen if seen.method == "POST"]


def test_a_deploy_is_started_without_a_build() -> None:
    with render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": Answer(201, deploy())}) as (web, script):
        started = web.deploy(SERVICE)
    assert started is not None
    assert (started.id, started.kind) == (DEPLOY, DeployKind.IN_FLIGHT)
    assert started.created == pytest.approx(1736786606.62, abs=0.01)
    assert posted(script) == [ONLY]


def test_an_empty_202_has_no_id() -> None:
    with render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": Answer(202)}) as (web, _):
        assert web.deploy(SERVICE) is None


def test_where_there_is_no_build_to_reuse_one_is_made_once() -> None:
    answers = [Answer(400, {"message": "no build"}), Answer(201, deploy(status="build_in_progress"))]
    with render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": answers}) as (web, script):
        started = web.deploy(SERVICE)
    assert started is not None
    assert posted(script) == [ONLY, {}]


def test_a_suspended_service_is_refused_after_two_tries() -> None:
    no = Answer(400, {"message": "cannot deploy suspended service"})
    with (
        render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": no}) as (web, script),
        pytest.raises(Rejected, match="cannot deploy suspended service"),
    ):
        web.deploy(SERVICE)
    assert posted(script) == [ONLY, {}]


@pytest.mark.parametrize(
    "lost",
    [
        Answer(reset=True),
        HTML,
        Answer(500, {"message": "internal"}),
        Answer(408),
        Answer(201, b"<html></html>"),
        Answer(201, {"status": "created"}),
        Answer(201, deploy(), cut=20),
        Answer(201, deploy(), pause=2.0),
        Answer(201, deploy(), trickle=0.2),
        Answer(302),
    ],
    ids=["reset", "502", "500", "408", "html", "no-id", "cut", "silent", "trickle", "redirect"],
)
def test_a_deploy_whose_answer_was_lost_is_looked_for_and_not_started_twice(lost: Answer) -> None:
    with render({f"GET {DEPLOYS}": [OLD, OLD, BOTH], f"POST {DEPLOYS}": lost}) as (web, script):
        started = web.deploy(SERVICE)
    assert started is not None
    assert started.id == DEPLOY
    assert posted(script) == [ONLY]
    assert "createdAfter" in script.seen[-1].query


def test_a_deploy_that_does_not_show_up_stays_unknown() -> None:
    with (
        render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": Answer(reset=True)}) as (web, script),
        pytest.raises(OutcomeUnknown),
    ):
        web.deploy(SERVICE)
    assert posted(script) == [ONLY]


def test_a_look_that_fails_leaves_it_unknown() -> None:
    answers: Answers = {f"GET {DEPLOYS}": [OLD, Answer(401)], f"POST {DEPLOYS}": HTML}
    with render(answers) as (web, _), pytest.raises(OutcomeUnknown):
        web.deploy(SERVICE)


def test_too_many_requests_are_waited_out_because_nothing_was_started() -> None:
    answers = [Answer(429, {"message": "slow down"}, {"Ratelimit-Reset": "37"}), Answer(201, deploy())]
    with render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": answers}) as (web, script):
        assert web.deploy(SERVICE) is not None
    assert len(script.asked("POST")) == 2


def test_a_limit_that_does_not_lift_is_transient_and_says_how_long() -> None:
    no = Answer(429, {"message": "slow down"}, {"Retry-After": "11"})
    with (
        render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": no}) as (web, script),
        pytest.raises(Transient) as caught,
    ):
        web.deploy(SERVICE)
    assert caught.value.after == 11
    assert len(script.asked("POST")) == 5


@pytest.mark.parametrize(
    ("status", "error"), [(401, UsageError), (403, UsageError), (404, UsageError), (409, Rejected)]
)
def test_a_complete_no_is_final(status: int, error: type[Exception]) -> None:
    with (
        render({f"GET {DEPLOYS}": OLD, f"POST {DEPLOYS}": Answer(status, {"message": "no"})}) as (web, script),
        pytest.raises(error),
    ):
        web.deploy(SERVICE)
    assert len(script.asked("POST")) == 1


def test_nothing_is_started_when_the_deploys_cannot_be_read_before() -> None:
    with (
        render({f"GET {DEPLOYS}": HTML, f"POST {DEPLOYS}": Answer(201, deploy())}) as (web, script),
        pytest.raises(CannotObserve),
    ):
        web.deploy(SERVICE)
    assert not script.asked("POST")


def test_the_newest_deploy_is_the_one_made_last() -> None:
    listed = page("deploy", deploy(id="dep-a", createdAt="2025-01-01T00:00:00Z"), deploy(id="dep-b"))
    with render({f"GET {DEPLOYS}": [listed, EMPTY]}) as (web, _):
        newest = web.newest_deploy(SERVICE)
        assert newest is not None
        assert newest.id == "dep-b"
        assert web.newest_deploy(SERVICE) is None


def test_a_young_deploy_may_be_unknown_for_a_moment() -> None:
    missing = Answer(404, {"message": f"not found: {DEPLOY}"})
    with render({f"GET {ONE_DEPLOY}": [missing, missing, Answer(200, deploy())]}) as (web, _):
        assert web.get_deploy(SERVICE, DEPLOY).id == DEPLOY


def test_a_deploy_that_stays_unknown_is_gone() -> None:
    with render({}) as (web, script), pytest.raises(Gone):
        web.get_deploy(SERVICE, DEPLOY)
    assert 2 < len(script.seen) < 15


@pytest.mark.parametrize("answer", [HTML, Answer(200, b"{"), Answer(200, deploy(id="dep-other")), Answer(410)])
def test_a_deploy_that_cannot_be_read_is_not_a_deploy(answer: Answer) -> None:
    with render({f"GET {ONE_DEPLOY}": answer}) as (web, _), pytest.raises(CannotObserve):
        web.get_deploy(SERVICE, DEPLOY)


FAILED = WebDeploy(DEPLOY, "update_failed", DeployKind.FAILED, 1736786606.0)
WHERE = WebService(SERVICE, "ert-dashboard", "https://x.onrender.com", "tea-1")
ENDED = {
    "id": "evt-1",
    "type": "deploy_ended",
    "details": {"deployId": DEPLOY, "deployStatus": "failed", "reason": {"failure": {"nonZeroExit": 3}}},
}
LOG = {
    "hasMore": False,
    "logs": [
        {"id": "2", "message": "\x1b[31mValueError: no \x07key\x1b[0m", "timestamp": "2025-01-13T16:43:28.123456789Z"},
        {"id": "1", "message": "starting", "timestamp": "2025-01-13T16:43:27Z"},
    ],
}


def test_a_failure_shows_the_reason_and_the_tail_of_the_log_without_escapes() -> None:
    answers: Answers = {f"GET {BASE}/events": [page("event", ENDED), EMPTY], "GET /v1/logs": Answer(200, LOG)}
    with render(answers) as (web, script):
        shown = web.failure(WHERE, FAILED)
    assert shown.splitlines() == ["the process exited with status 3", "starting", "ValueError: no key"]
    query = script.seen[-1].query
    assert (query["ownerId"], query["resource"], query["limit"]) == (["tea-1"], [SERVICE], ["50"])
    assert script.seen[0].query["startTime"] == ["2025-01-13T16:43:25Z"]


def test_a_log_does_not_show_the_values_this_run_has_handled() -> None:
    told = {"logs": [{"message": "key=ert-0123456789abcdef old=old-0123456789abcdef at https://203.0.113.7:8443 true"}]}
    answers: Answers = {
        "GET /v1/logs": Answer(200, told),
        f"GET {ENV}": [page("envVar", variable("OLD", "old-0123456789abcdef"), variable("ON", "true")), EMPTY],
        f"PUT {ENV}/KEY": Answer(200, variable("KEY", "ert-0123456789abcdef")),
        f"PUT {ENV}/URL": Answer(200, variable("URL", "https://203.0.113.7:8443")),
    }
    with render(answers) as (web, _):
        web.read_env(SERVICE)
        web.put_env(SERVICE, "KEY", Secret("ert-0123456789abcdef"))
        web.put_env(SERVICE, "URL", Secret("https://203.0.113.7:8443"))
        shown = web.failure(WHERE, FAILED)
    assert shown.splitlines()[-1] == "key=*** old=*** at https://203.0.113.7:8443 true"


@pytest.mark.parametrize("answer", [HTML, Answer(401), Answer(200, b"{"), Answer(200, {"logs": 5}), Answer(reset=True)])
def test_a_failure_is_explained_as_far_as_it_can_be(answer: Answer) -> None:
    with render({f"GET {BASE}/events": answer, "GET /v1/logs": answer}) as (web, _):
        assert web.failure(WHERE, FAILED) == "Render returned no reason for update_failed"


def test_a_refused_connection_is_retried_and_then_transient() -> None:
    clock = FakeClock()
    web = RenderWeb(Secret(CANARY), "http://127.0.0.1:9/v1", clock, Bounds(connect=1))
    with pytest.raises(CannotObserve, match="could not connect"):
        web.newest_deploy(SERVICE)
    with pytest.raises(Transient):
        web.put_env(SERVICE, "A", Secret("v"))
    assert clock.slept > 0
