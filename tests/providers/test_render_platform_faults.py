"""Faults of Render's platform during a move, one row per line of the sandbox's checklist, in both profiles.

The network faults are combined with every request of a move. A row expects one of two results: the move is complete,
or it has failed with a reason and everything is unchanged. An unrelated variable is never modified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ert_deploy.core.model.errors import CannotObserve, Failed, UsageError
from ert_deploy.core.model.events import DeploySeen, Event
from ert_deploy.core.model.secret import Secret
from tests.support.render.move import Stage, refused, staged, undisturbed
from tests.support.render.world import until

HTML = {"body": "<html>Bad Gateway</html>", "content_type": "text/html"}
JSON = {"body": '{"message":"internal"}'}


@dataclass(frozen=True)
class Row:
    """One line of the checklist and its reproduction."""

    line: str
    play: Callable[[Stage], object]


def once(act: Callable[[], object]) -> Callable[[Event], object]:
    """Return a hook that calls `act` once, when the deployment's own deploy is first seen."""
    left = [act]
    return lambda event: left.pop()() if isinstance(event, DeploySeen) and left else None


def wrong_key(stage: Stage) -> None:
    stage.key, kept = Secret("rnd_wrongwrongwrong"), stage.key
    try:
        error = refused(stage, UsageError, "does not accept the key")
    finally:
        stage.key = kept
    assert "Render-Request-Id" in error.detail
    assert "rnd_wrong" not in f"{error}{error.detail}{error.hint}"
    assert stage.asked("put_env_var") == 0


def unknown_service(stage: Stage) -> None:
    wanted = stage.desired()
    other = type(wanted.targets[0])("nobody")
    with pytest.raises(UsageError, match="no service named nobody"):
        stage.up(type(wanted)(**{**_fields(wanted), "targets": (other,)}))
    assert stage.asked("put_env_var") == 0


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def forgotten_page(stage: Stage) -> None:
    stage.fault("list_env_vars", skip=1, status=400, body='{"message":"invalid cursor","code":"invalid_cursor"}')
    stage.timeout += 1
    with pytest.raises(CannotObserve, match="invalid cursor"):
        stage.up()
    assert stage.asked("put_env_var") == 0
    stage.move()


def one_at_a_time(stage: Stage) -> None:
    stage.move()
    assert stage.asked("put_env_var") == 2, "the timeout and the fingerprint, and nothing that is as it should be"
    assert stage.asked("delete_env_var") == 0


def no_build_to_reuse(stage: Stage) -> None:
    stage.fault("create_deploy", status=400, body='{"message":"no build"}')
    stage.move()
    assert stage.asked("create_deploy") == 2


def pushed_over(stage: Stage) -> None:
    """Override: a push cancels the deploy; the new one has the environment of its start and is followed."""
    stage.trouble("policy", policy="override")
    try:
        stage.move(once(lambda: stage.trouble("foreign_deploy")))
    finally:
        stage.trouble("policy", policy="wait")
    newest, ours = stage.deploys()[:2]
    assert (newest["trigger"], newest["status"], ours["status"]) == ("new_commit", "live", "canceled")


def pushed_behind(stage: Stage) -> None:
    """Wait: a push directly after the deploy runs next, with the same values."""
    stage.move(once(lambda: stage.trouble("foreign_deploy")))
    until(lambda: stage.deploys()[0]["status"] == "live")
    assert stage.world.seen()["fingerprint"] == stage.ours()["ERT_LLM_CONFIG_FINGERPRINT"]


def absorbed(stage: Stage) -> None:
    """Two external deploys, one running and one replaced by a newer one, complete before the move requests its own."""
    stage.trouble("absorbed", **{"as": "vanish"})
    for _ in range(3):
        stage.trouble("foreign_deploy")
    stage.move()
    assert stage.deploys()[0]["trigger"] == "api"


def torn_by_another(stage: Stage) -> None:
    """An owned variable is changed during the deploy: the app has no valid fingerprint and the move restarts."""
    stage.move(once(lambda: stage.trouble("foreign_env", set={"ERT_LLM_TIMEOUT": "1"})))
    assert stage.ours()["ERT_LLM_TIMEOUT"] == str(stage.timeout)


def never_healthy(stage: Stage) -> None:
    stage.trouble("unhealthy")
    error = refused(stage, Failed, "finished as update_failed")
    assert "health check failed" in error.detail


def never_healthy_called_canceled(stage: Stage) -> None:
    stage.trouble("deploy_fails", status="canceled", reason={"unhealthy": "timed out"})
    assert "health check failed: timed out" in refused(stage, Failed, "finished as canceled").detail


def crashes_at_start(stage: Stage) -> None:
    stage.trouble("deploy_fails", reason={"nonZeroExit": 3})
    assert "exited with status 3" in refused(stage, Failed, "finished as update_failed").detail


def asleep(stage: Stage, status: int) -> None:
    stage.trouble("plan", plan="free")
    stage.trouble("sleep", status=status)
    stage.move()
    stage.trouble("plan", plan="starter")


def unknown_status(stage: Stage) -> None:
    seen: list[str] = []
    for _ in range(3):  # it lasts until the app is healthy, which on a busy machine may be between two reads
        stage.trouble("unknown_status")
        stage.move(lambda event: seen.append(event.status) if isinstance(event, DeploySeen) else None)
        if "artifact_fetch_in_progress" in seen:
            return
    assert "artifact_fetch_in_progress" in seen


def unknown_plan(stage: Stage) -> None:
    stage.trouble("plan", plan="12c-96g")
    stage.move()
    stage.trouble("plan", plan="starter")


def nulls(stage: Stage) -> None:
    stage.move()
    newest = stage.deploys()[0]
    assert ("commit" in newest and newest["commit"] is None) or newest["commit"]["id"]


def killed_process(stage: Stage) -> None:
    stage.trouble("crash")
    stage.move()


ROWS = (
    Row("1 the key is checked", wrong_key),
    Row("1 an unknown service", unknown_service),
    Row("3 a cursor nobody knows", forgotten_page),
    Row("4 one variable at a time, and only those that differ", one_at_a_time),
    Row("5 deploy_only without a build to reuse", no_build_to_reuse),
    Row("6 override: a push cancels ours", pushed_over),
    Row("6 wait: a push behind ours", pushed_behind),
    Row("6 wait: queued deploys that vanish", absorbed),
    Row("7 an edit while ours is deployed", torn_by_another),
    Row("7 the serving process is killed", killed_process),
    Row("8 never healthy: update_failed", never_healthy),
    Row("8 never healthy: canceled", never_healthy_called_canceled),
    Row("8 the process ends at its start", crashes_at_start),
    Row("9 asleep, a page with 503", lambda stage: asleep(stage, 503)),
    Row("9 asleep, a page with 200", lambda stage: asleep(stage, 200)),
    Row("10 a status nobody knows", unknown_status),
    Row("10 a plan nobody knows", unknown_plan),
    Row("10 commit and finishedAt null", nulls),
)
WIRE: dict[str, dict[str, Any]] = {
    "2 429 with Retry-After": {"status": 429, "headers": {"Retry-After": "3"}},
    "2 a burst of 429": {"status": 429, "headers": {"Ratelimit-Reset": "2"}, "count": 3},
    "10 500 JSON": {"status": 500, **JSON},
    "10 502 HTML": {"status": 502, **HTML},
    "10 503 HTML": {"status": 503, **HTML},
    "10 reset before": {"reset": True},
    "10 reset after the effect": {"reset": True, "when": "after"},
    "10 cut body": {"cut": 3, "when": "after"},
    "10 slow": {"delay": 0.05},
}
READS = ("list_services", "list_env_groups", "list_env_vars", "list_deploys", "get_deploy")
WRITES = ("put_env_var", "create_deploy")


@pytest.fixture(scope="module", params=["as_recorded", "spec_strict"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(request.param) as made:
        yield made


@pytest.mark.parametrize("row", ROWS, ids=[row.line for row in ROWS])
def test_a_line_of_the_checklist(stage: Stage, row: Row) -> None:
    with undisturbed(stage):
        row.play(stage)


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("wire", WIRE)
def test_a_write_rides_out_a_fault_on_the_wire(stage: Stage, wire: str, call: str) -> None:
    ridden_out(stage, wire, call)


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("wire", WIRE)
@pytest.mark.parametrize("stage", ["as_recorded"], indirect=True)
def test_a_read_rides_out_a_fault_on_the_wire(stage: Stage, wire: str, call: str) -> None:
    ridden_out(stage, wire, call)


def ridden_out(stage: Stage, wire: str, call: str) -> None:
    """Assert that a move with one fault succeeds: one new deploy, and the invariants of every row."""
    newest = stage.deploys()[0]["id"]
    with undisturbed(stage):
        stage.fault(call, **WIRE[wire])
        stage.move()
        assert stage.double.faults.pending() == []
    made = [deploy["id"] for deploy in stage.deploys()].index(newest)
    assert made == 1, "a deploy whose answer was lost is found, and no second one is started"
