"""Static checks of the action and the workflows: permitted content, and the results of common linters."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.action.runner import INPUT, ROOT, action, filled, holds

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
SCRIPTS = sorted((ROOT / "ci" / "action").glob("*.sh"))
PINNED = re.compile(r"[A-Za-z0-9._/-]+@[0-9a-f]{40}")
KEYS = {"VAST_API_KEY", "RENDER_API_KEY", "ERT_ACTION_EXTERNAL_KEY"}


def document(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def triggers(path: Path) -> set[str]:
    on = document(path)[True]  # YAML 1.1 reads the key `on` as true
    return set(on)


def jobs() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in WORKFLOWS:
        for job in document(path)["jobs"].values():
            yield path, job


def steps() -> Iterator[dict[str, Any]]:
    for _, job in jobs():
        yield from job["steps"]
    yield from action()["runs"]["steps"]


def test_there_is_something_to_look_at() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "dependencies.yml", "deploy.yml", "release.yml"]
    assert {path.name for path in SCRIPTS} == {"check.sh", "common.sh", "install.sh", "plan.sh", "run.sh"}


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(name == "./" or PINNED.fullmatch(name) for name in used), used


def test_no_expression_stands_in_shell_text() -> None:
    assert all("${{" not in step["run"] for step in steps() if "run" in step)
    assert all("${{" not in path.read_text() for path in SCRIPTS)


def test_no_workflow_runs_a_stranger_s_change_with_our_rights() -> None:
    for path in WORKFLOWS:
        assert triggers(path) <= {"push", "pull_request", "schedule", "workflow_dispatch"}, path
    assert triggers(ROOT / ".github" / "workflows" / "deploy.yml") == {"workflow_dispatch"}


def test_rights_are_given_job_by_job_and_are_the_least() -> None:
    assert all(document(path)["permissions"] == {} for path in WORKFLOWS)
    wide = [job for job in document(ROOT / ".github" / "workflows" / "dependencies.yml")["jobs"].values()]
    wide.append(deploying()["deploy-with-role"])
    wide += [job for job in document(ROOT / ".github" / "workflows" / "release.yml")["jobs"].values()]
    assert all(job["permissions"] == {"contents": "read"} for _, job in jobs() if job not in wide[1:])
    assert deploying()["deploy-with-role"]["permissions"] == {"contents": "read", "id-token": "write"}


def deploying() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]
    return {name: job for name, job in found.items() if "environment" in job}


def test_only_a_job_that_assumes_a_role_may_show_who_it_is() -> None:
    for job in deploying().values():
        (with_inputs,) = [step["with"] for step in job["steps"] if step["uses"] == "./"]
        assert ("id-token" in job["permissions"]) == ("aws-role" in with_inputs)
    assert {name: job["if"] for name, job in deploying().items()} == {
        "deploy": "vars.ERT_AWS_ROLE == ''",
        "deploy-with-role": "vars.ERT_AWS_ROLE != ''",
    }


def test_the_two_jobs_differ_in_the_role_alone() -> None:
    plain, with_role = (json.loads(json.dumps(job)) for job in deploying().values())
    for name in ("aws-role", "aws-region"):
        del with_role["steps"][-1]["with"][name]
    del with_role["permissions"]["id-token"]
    for job in (plain, with_role):
        del job["if"], job["name"]
    assert plain == with_role


def test_the_job_that_renews_the_locks_may_write_nothing_and_the_one_that_writes_runs_nothing_of_others() -> None:
    found = document(ROOT / ".github" / "workflows" / "dependencies.yml")["jobs"]
    assert found["renew"]["permissions"] == {"contents": "read"}
    assert found["propose"]["permissions"] == {"actions": "write", "contents": "write", "pull-requests": "write"}
    runs = [step["run"] for step in found["propose"]["steps"] if "run" in step]
    assert runs == ["exec bash ci/propose.sh"]


def test_what_makes_no_lock_of_python_is_renewed_by_dependabot() -> None:
    updates = document(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {(u["package-ecosystem"], u["directory"]) for u in updates} == {
        ("github-actions", "/"),
        ("docker", "/images/llm-backend"),
        ("npm", "/images/dashboard/frontend"),
    }
    assert "schedule" in triggers(ROOT / ".github" / "workflows" / "dependencies.yml")


def test_a_deploy_waits_for_the_one_before_and_is_never_cancelled_for_it() -> None:
    assert "concurrency" not in document(ROOT / ".github" / "workflows" / "deploy.yml")
    for job in deploying().values():
        group = "ert-deploy-${{ needs.which.outputs.deployment }}"
        assert job["concurrency"] == {"group": group, "cancel-in-progress": False}
        assert job["needs"] == "which"


def test_keys_come_from_an_environment_and_only_in_the_deploy() -> None:
    for path, job in jobs():
        text = str(job)
        assert ("secrets." in text) == ("environment" in job) == (job in deploying().values()), path
        assert not any("AWS_SECRET" in word or "AWS_ACCESS" in word for word in text.split())


def test_every_job_has_an_end_and_no_checkout_leaves_a_credential() -> None:
    assert all(job["timeout-minutes"] <= 180 for _, job in jobs())
    for step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


def test_the_keys_are_not_there_while_other_people_s_code_is_installed() -> None:
    with_keys = [step["name"] for step in action()["runs"]["steps"] if KEYS & set(step.get("env", {}))]
    assert with_keys == ["Plan", "Run the command"]


def test_every_step_of_the_action_is_a_script_that_gets_the_signals() -> None:
    for step in action()["runs"]["steps"]:
        assert re.fullmatch(r'exec bash "\$GITHUB_ACTION_PATH/ci/action/[a-z]+\.sh"', step["run"])


def test_every_input_is_used_and_every_one_used_exists() -> None:
    used = {m[1] for step in action()["runs"]["steps"] for value in step["env"].values() for m in INPUT.finditer(value)}
    assert used == set(action()["inputs"])


def test_the_plan_is_made_for_what_changes_something() -> None:
    (condition,) = [step["if"] for step in action()["runs"]["steps"] if "if" in step]
    planned = {
        c
        for c in ("up", "sleep", "wake", "down", "rotate", "plan", "status")
        if holds(condition, filled({"command": c}))
    }
    assert planned == {"up", "sleep", "wake", "down"}


def documented_job() -> str:
    """Return the workflow that the documentation offers for copying."""
    text = (ROOT / "docs" / "actions.md").read_text()
    block = re.search(r"```yaml\n(.*?)```\n", text, re.DOTALL)
    assert block
    return block[1]


def test_the_job_of_the_page_names_inputs_and_outputs_that_exist() -> None:
    block = documented_job()
    sample = yaml.safe_load(block)
    (job,) = sample["jobs"].values()
    ours = [step for step in job["steps"] if "/ert-deploy@" in step.get("uses", "")]
    assert ours
    for step in ours:
        assert set(step["with"]) <= set(action()["inputs"])
        assert {name for name, about in action()["inputs"].items() if about["required"]} <= set(step["with"])
    assert set(re.findall(r"\.outputs\.([a-z-]+)", block)) <= set(action()["outputs"])
    assert sample["permissions"] == {}
    assert sample["concurrency"]["cancel-in-progress"] is False


def tool(name: str) -> str:
    """Return the path of a linter next to this Python or on PATH; skip the test without it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (it is in requirements/dev.lock)")
    return found


def clean(*argv: str, **more: str) -> None:
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **more},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_at_its_strictest_finds_nothing() -> None:
    places = ("action.yml", ".github/workflows", ".github/dependabot.yml")
    clean(tool("zizmor"), "--offline", "--no-progress", "--persona=auditor", *places)


def test_the_linters_find_nothing_in_the_documented_job_once_it_is_filled_in(tmp_path: Path) -> None:
    copied = tmp_path / "deploy.yml"
    copied.write_text(documented_job().replace("FULL-COMMIT-SHA", "0" * 40))
    clean(tool("actionlint"), str(copied))
    clean(tool("zizmor"), "--offline", "--no-progress", str(copied))


def test_actionlint_finds_nothing() -> None:
    """It also runs shellcheck on the workflows' scripts."""
    clean(tool("actionlint"), "-shellcheck", tool("shellcheck"), *(str(path) for path in WORKFLOWS))


def test_shellcheck_finds_nothing() -> None:
    more = [*(str(path) for path in sorted((ROOT / "ci" / "release").glob("*.sh")))]
    more += [".ci/run", "ci/propose.sh", "requirements/lock", "requirements/openmp"]
    clean(tool("shellcheck"), "-x", *(str(path) for path in SCRIPTS), *more)
