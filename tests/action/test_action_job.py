"""The action as used in a job, with a sandbox: real scripts and processes; the providers are those of the sandbox."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.conftest import Place
from tests.support.action.runner import Job, action, filled, orders
from tests.support.nightly import nightly

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.mark.nightly
def test_up_twice_then_down(job: Job, place: Place) -> None:
    first = job.use(command="up", config="sandbox", vast_api_key="not-needed-here")
    assert first.code == 0, first.log
    assert first.outputs["changed"] == "true"
    assert first.outputs["backend-url"] == place.variables()["ERT_LLM_BACKEND_URL"]
    assert first.outputs["fingerprint"] == place.variables()["ERT_LLM_CONFIG_FINGERPRINT"]
    assert "+ rent a GPU" in first.summary
    assert first.summary.count("```") == 4
    for secret in (place.variables()["ERT_LLM_API_KEY"], place.world.vast_key, place.world.render_key):
        assert secret not in first.log + first.summary

    again = job.use(command="up", config="sandbox")
    assert again.code == 0, again.log
    assert again.outputs == {**first.outputs, "changed": "false"}
    assert "nothing to do" in again.summary

    seen = job.use(command="status", config="sandbox")
    assert seen.outputs == {**first.outputs, "changed": "", "verdict": "as wanted"}
    assert "the plan" not in seen.summary

    down = job.use(command="down", config="sandbox")
    off = place.variables()["ERT_LLM_CONFIG_FINGERPRINT"]
    assert down.code == 0, down.log
    assert down.outputs == {"backend-url": "", "fingerprint": off, "changed": "true", "attention": "", "verdict": ""}
    assert "- destroy instance" in down.summary
    assert place.instances() == []
    assert place.bill()["running"] == []


@pytest.mark.nightly  # `test_action_shared_state.py` has the documented way
def test_an_up_and_a_down_that_share_no_state_need_no_question(job: Job, place: Place) -> None:
    """Like on GitHub's runners: each job starts in a clean checkout."""
    state = place.folder / ".ert" / "ert-sandbox.json"
    assert job.use(command="up", config="sandbox").code == 0
    made = place.instances()
    state.unlink()
    for command in ("status", "reap", "up"):
        ran = job.use(command=command, config="sandbox")
        assert (ran.code, ran.outputs["attention"]) == ((5, str(made[0])) if command == "reap" else (0, "")), ran.log
        assert place.instances() == made
    state.unlink()
    down = job.use(command="down", config="sandbox")
    assert down.code == 0, down.log
    assert place.bill()["running"] == []


def test_plan_says_by_its_output_whether_there_is_something_to_do(job: Job, place: Place) -> None:
    ran = job.use(command="plan", config="sandbox")
    assert ran.code == 0, ran.log
    assert ran.outputs["changed"] == "true"
    assert place.instances() == []


def test_what_is_installed_is_used_again(job: Job) -> None:
    assert "is installed already" in job.use(command="plan", config="sandbox").log


def test_the_exit_code_is_the_command_s_own(job: Job, place: Place) -> None:
    place.fault(provider="vast", operation="list", status=502, body="<html>bad gateway</html>", count=50)
    ran = job.use(command="up", config="sandbox")
    assert ran.code == 5
    assert "no plan (exit code 5)" in ran.summary
    assert "### ert-deploy up: exit code 5" in ran.summary
    assert ran.outputs == {}


def test_nothing_that_is_printed_by_the_program_can_order_the_runner_about(job: Job, place: Place) -> None:
    """The reason of a failed deploy is text of a provider, which is reported unchanged."""
    evil = "bad\n::set-output name=backend-url::https://evil.example\n::add-mask::e"
    place.trouble(provider="render", kind="deploy_fails", status="update_failed", reason=evil)
    ran = job.use(command="up", config="sandbox")
    assert ran.code == 1
    assert "finished as update_failed" in ran.log
    assert orders(ran.log) == []
    words = [line.split("::")[2] for line in ran.log.splitlines() if line.startswith("::stop-commands::")]
    assert len(set(words)) == len(words) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, *nightly(signal.SIGTERM)])
def test_a_cancelled_job_takes_nothing_down_and_the_next_one_goes_on(job: Job, place: Place, number: int) -> None:
    """GitHub signals the step's first process, and kills the process tree ten seconds later."""
    process = job.start(action()["runs"]["steps"][-1], filled({"command": "up", "config": "sandbox"}))
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("rented instance"):
            break
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait(7) == 130
    process.stdout.close()
    assert "Rented instances remain" in rest
    (left,) = place.instances()

    assert job.use(command="up", config="sandbox").code == 0
    assert place.instances() == [left]
    assert job.use(command="down", config="sandbox").code == 0
    assert place.bill()["running"] == []


def test_a_job_without_a_config_never_becomes_a_run_in_the_sandbox(job: Job, place: Place) -> None:
    ran = job.use(command="up", config="")
    assert ran.code == 2
    assert place.instances() == []


def test_another_folder_than_the_workspace(job: Job, place: Place) -> None:
    job.workspace = place.folder.parent
    ran = job.use(command="plan", config="sandbox", working_directory=place.folder.name)
    assert ran.code == 0, ran.log
    assert not (job.workspace / ".ert").exists()
