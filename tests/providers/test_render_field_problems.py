"""Known issues of automating Render, one row per public report: each is reproduced without harm.

A row is the report, its summary, and its reproduction. Rows of the second table are tested in the named
file, or do not apply, with the reason. Every reproduction runs in both profiles of the sandbox, on a service with
three pages of unrelated variables; they must be byte-identical afterwards, and a move succeeds only when the running
process has the new fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.events import DeploySeen, Event, Proven
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.web import RenderWeb
from tests.support.render.move import Stage, refused, staged, undisturbed
from tests.support.render.world import until

TESTS = Path(__file__).parents[1]
FINGERPRINT, URL = "ERT_LLM_CONFIG_FINGERPRINT", "ERT_LLM_BACKEND_URL"


@dataclass(frozen=True)
class Row:
    """One report: its source, its summary, and its reproduction."""

    report: str
    seen: str
    play: Callable[[Stage], object]


def young_deploy(stage: Stage) -> None:
    stage.trouble("early_404", reads=3)
    stage.move()


def empty_202(stage: Stage) -> None:
    stage.fault("create_deploy", status=202)
    stage.move()
    assert stage.asked("create_deploy") == 2, "one was accepted without an id; the one that is followed is ours"


def canceled(stage: Stage) -> None:
    stage.trouble("deploy_fails", status="canceled", reason={"evicted": True})
    error = refused(stage, Failed, "finished as canceled; the previous version keeps serving")
    assert "the instance was evicted" in error.detail


def waits(stage: Stage) -> None:
    mark = stage.move()
    assert stage.deploys()[0]["status"] == "live"
    assert stage.world.seen()["fingerprint"] == mark


def stuck_queue(stage: Stage) -> None:
    stage.trouble("unhealthy")
    stage.trouble("foreign_deploy")
    stage.move()
    statuses = [d["status"] for d in stage.deploys()[:2]]
    assert statuses == ["live", "update_failed"], "ours was asked for when theirs was over"


def old_instance(stage: Stage) -> None:
    before = stage.ours()[FINGERPRINT]
    proven: list[int] = []

    def told(event: Event) -> None:
        if isinstance(event, Proven):
            proven.append(len(stage.witness.shown))

    mark = stage.move(told)
    assert stage.witness.shown[0] == before, "the old process answered 200 all along"
    assert stage.witness.shown[proven[0] - 1] == mark


def stale_group(stage: Stage) -> None:
    stage.trouble("env_group", name="shared", env={URL: "https://old.example.org", "LOG_LEVEL": "info"})
    try:
        error = refused(stage, UsageError, f"{URL} would be set in dashboard by .* group shared")
    finally:
        stage.trouble("env_group", name="shared")
    assert "unlink" in error.hint
    assert stage.asked("put_env_var") == stage.asked("create_deploy") == 0


def restart_is_no_deploy(stage: Stage) -> None:
    before = stage.world.seen()["fingerprint"]
    stage.world.put("ERT_LLM_TIMEOUT", "7")
    stage.world.call("POST", "{s}/restart")
    until(lambda: len(stage.world.get("{s}/instances")) == 1)
    assert stage.world.seen()["fingerprint"] == before
    stage.move()


def empty_value(stage: Stage) -> None:
    web = RenderWeb(stage.key, stage.double.url, stage.clock)
    with pytest.raises(UsageError, match="to nothing"):
        web.put_env(stage.world.service, "OTHER_000", Secret(""))
    stage.move()


def other_account(stage: Stage) -> None:
    stage.fault("list_services", status=403, body='{"message":"forbidden"}', headers={"Render-Request-Id": "api-x/7"})
    error = refused(stage, UsageError, "denies this key access")
    assert "Render-Request-Id api-x/7" in error.detail
    assert stage.asked("put_env_var") == 0


def no_minutes(stage: Stage) -> None:
    stage.trouble("pipeline_minutes_exhausted")
    try:
        error = refused(stage, Failed, "finished as canceled")
    finally:
        stage.trouble("pipeline_minutes_exhausted", on=False)
    assert "no pipeline minutes left" in error.detail


def suspended(stage: Stage) -> None:
    stage.trouble("suspend", by="billing")
    with pytest.raises(UsageError, match=r"is suspended \(suspended by billing\)") as caught:
        stage.up(stage.desired(timeout=999))
    assert "resume it" in caught.value.hint
    assert stage.asked("put_env_var") == stage.asked("create_deploy") == 0
    stage.trouble("resume", by="billing")
    until(lambda: stage.deploys()[0]["status"] == "live" and stage.world.seen()["fingerprint"] is not None)


def written_before_deployed(stage: Stage) -> None:
    stage.move()
    seen = stage.double.faults.seen
    last = max(at for at, operation in enumerate(seen) if operation == "put_env_var")
    assert last < seen.index("create_deploy")


def touches_nothing_else(stage: Stage) -> None:
    stage.move()
    allowed = {"list_services", "list_env_vars", "list_env_groups", "put_env_var", "list_deploys", "create_deploy"}
    assert set(stage.double.faults.seen) <= allowed | {"get_deploy"}


def no_secret_in_state(stage: Stage) -> None:
    stage.move()
    ours = stage.ours()
    assert ours["ERT_LLM_API_KEY"] not in stage.store.text
    assert stage.key.reveal() not in stage.store.text


def free_plan(stage: Stage) -> None:
    stage.trouble("plan", plan="free")
    stage.move()
    assert "free plan: it sleeps after 15 minutes" in stage.witness.troubles()
    assert stage.asked("create_service") == stage.asked("update_service") == 0
    stage.trouble("plan", plan="starter")


def disk(stage: Stage) -> None:
    stage.trouble("disk")
    refused(stage, UsageError, "has a disk: each deploy stops it")
    assert stage.asked("put_env_var") == 0
    stage.move(allow_downtime=True)
    stage.trouble("disk", on=False)


def plan_unknown(stage: Stage) -> None:
    stage.trouble("plan", plan="0.5c-512mb")
    stage.move()


def follows_one(stage: Stage) -> None:
    ids: list[str] = []
    stage.move(lambda event: ids.append(event.deploy_id) if isinstance(event, DeploySeen) else None)
    assert set(ids) == {stage.deploys()[0]["id"]}


ROWS = (
    Row("JorgeLNJunior/render-deploy#24", "404 while polling a deploy that has just been made", young_deploy),
    Row("nexu-io/open-design#3388", "a 202 without an id skips the waiting", empty_202),
    Row("Bounceapp/render-action#211", "canceled is taken for success", canceled),
    Row("johnbeynon/render-deploy-action#7", "the wait flag is ignored", waits),
    Row("fullstack-hy2020/fullstack-hy2020.github.io#4140", "a failing check blocks the next deploy", stuck_queue),
    Row("kitokoh/leopardo-hr#2340", "the check passed on the old instance", old_instance),
    Row("different-ai/openwork#3320", "a group's value changed and services kept the old one", stale_group),
    Row("an operator's log of 2026-09", "a restart kept the old environment", restart_is_no_deploy),
    Row("an operator's script of 2026-07", "an empty value blanked a production variable", empty_value),
    Row("the same script", "a silent 403 for the key of another account", other_account),
    Row("NSPG13/agent-bounties#401,#408", "no pipeline minutes: deploys are canceled", no_minutes),
    Row("render-oss/terraform-provider-render#104,#110", "a suspended service cannot be deployed", suspended),
    Row("render-oss/terraform-provider-render#31,#11", "linked after the first deploy", written_before_deployed),
    Row("render-oss/terraform-provider-render#10", "a service with groups cannot be moved", touches_nothing_else),
    Row("render-oss/terraform-provider-render#90", "secrets in the state", no_secret_in_state),
    Row("render-oss/terraform-provider-render#44", "free services and the API", free_plan),
    Row("render-oss/render-mcp-server#23", "a stored plan is not the running one", plan_unknown),
    Row("render.com/docs/disks", "a disk makes each deploy downtime", disk),
    Row("render-oss/cli deploycreate", "adopts any queued deploy", follows_one),
)
# (report, summary, `file::test` that reproduces it, or why it cannot happen here)
ELSEWHERE = (
    ("render-oss/cli#24", "a job's exit code is hidden", "no job is ever made: touches_nothing_else"),
    ("render-oss/cli#53", "the CLI has no commands for variables", "the REST API is used: touches_nothing_else"),
    ("render-examples/celery#18", "env instead of runtime", "config/test_blueprint_lint.py::test_findings"),
    ("AllYourBot/hostedgpt#43", "value and sync together", "config/test_blueprint_lint.py::test_findings"),
    ("hackmdio/codimd#1929", "sync in a group", "config/test_blueprint_lint.py::test_findings"),
    ("sseshachala/conductai#2078", "an envVarKey nobody declares", "config/test_blueprint_lint.py::test_findings"),
    ("render-examples/tailscale#5", "a value is used at build time", "ours are read when the process starts"),
)


@pytest.fixture(scope="module", params=["as_recorded", "spec_strict"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(request.param) as made:
        yield made


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.report}: {row.seen}" for row in ROWS])
def test_a_problem_others_have_reported_does_no_harm_here(stage: Stage, row: Row) -> None:
    with undisturbed(stage):
        row.play(stage)


@pytest.mark.parametrize(("report", "seen", "where"), ELSEWHERE, ids=[row[0] for row in ELSEWHERE])
def test_a_row_that_is_not_played_here_says_where_or_why(report: str, seen: str, where: str) -> None:
    file, _, name = where.partition("::")
    if name:
        assert f"def {name}(" in (TESTS / file).read_text()
    elif "touches_nothing_else" in where:
        assert any(row.play is touches_nothing_else for row in ROWS)


def test_nothing_changed_is_no_write_and_no_deploy(stage: Stage) -> None:
    stage.move()
    with undisturbed(stage):
        stage.up()
        assert set(stage.double.faults.seen) <= {"list_services", "list_env_vars", "list_env_groups"}


def test_an_app_that_does_not_take_the_values_up_is_put_back_and_deployed_as_it_was(stage: Stage) -> None:
    before = stage.world.seen()["fingerprint"]
    with undisturbed(stage):
        refused(stage, Failed, "instead of", health_field="configuration")
        assert stage.asked("create_deploy") == 2, "ours, and the one that takes the previous values up again"
        until(lambda: stage.deploys()[0]["status"] == "live")
        assert stage.world.seen()["fingerprint"] == before
