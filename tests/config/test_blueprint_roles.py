"""The Blueprint of a dashboard whose web service and worker are apart, and the prices of its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_dashboard.__main__ import main
from ert_deploy.config import parse
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.config.scaffold.prices import Priced, priced
from ert_deploy.config.settings import Blueprint
from ert_deploy.core.model.errors import UsageError

Change = Callable[[str, str], str]
SHARES = "database: mine, key_value: live"
WORKER = "    - name: writer\n      address: https://ert-dashboard.onrender.com\n      health_path: /health/worker\n"
BOTH = (
    f"{WORKER}      blueprint: {{role: worker, {SHARES}, instances: 2}}\n"
    f"    - name: ert-dashboard\n      blueprint: {{role: web, {SHARES}, instances: 2}}"
)


def rendered(changed: Change, rows: str) -> dict[str, Any]:
    text = render(parse(changed("    - name: ert-dashboard", rows), Path("c")))
    return {row["name"]: row for row in yaml.safe_load(text)["services"]}


def test_web_service_and_worker_are_two_services_of_one_program(
    changed: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rendered(changed, BOTH)
    web, worker = found["ert-dashboard"], found["writer"]
    assert (web["type"], worker["type"]) == ("web", "worker")
    assert web["startCommand"] == "python -m ert_dashboard --role web"
    assert worker["startCommand"] == "python -m ert_dashboard --role worker"
    assert (web["healthCheckPath"], "healthCheckPath" in worker) == ("/health", False)
    assert (web["numInstances"], worker["numInstances"]) == (2, 2)
    names = {entry["key"] for entry in worker["envVars"]}
    assert {"DATABASE_URL", "REDIS_URL", "ERT_LLM_API_KEY", "ERT_LLM_CONFIG_FINGERPRINT"} <= names
    assert "ERT_DASHBOARD_PASSWORD_HASH" not in names
    assert worker["preDeployCommand"] == web["preDeployCommand"]
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(worker["startCommand"].split()[3:]) == 2  # the role is known, and needs the database


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (f"    - name: ert-dashboard\n      blueprint: {{role: web, {SHARES}}}", "no service with role: worker"),
        ("    - name: ert-dashboard\n      blueprint: {role: web, database: mine}", "needs key_value under"),
        ("    - name: ert-dashboard\n      blueprint: {role: worker}", "needs database and key_value under"),
        (f"    - name: ert-dashboard\n      blueprint: {{role: worker, {SHARES}}}", "the address of its web service"),
        (BOTH.replace("role: worker", "role: worker, plan: free").replace(", instances: 2", ""), "other than free"),
        ("    - name: ert-dashboard\n      blueprint: {role: web, root: ., start: npm}", "roles are the dashboard's"),
    ],
)
def test_parts_that_could_not_work_together_are_rejected(changed: Change, rows: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        rendered(changed, rows)


def test_each_part_has_its_published_price() -> None:
    both = Blueprint(database="mine", key_value="live", instances=2)
    found = priced([("dash", both), ("writer", Blueprint(database="mine", key_value="live", role="worker"))])
    assert found is not None
    assert found.parts == (
        Priced("service dash (starter)", 2, 14.0),
        Priced("worker writer (starter)", 1, 7.0),
        Priced("database mine (the cheapest)", 1, 6.0),
        Priced("key value store live", 1, None),
    )
    assert found.month == 27.0
    assert priced([("dash", Blueprint())]) is None
    unknown = priced([("dash", Blueprint(plan="12c-96g", database="mine"))])
    assert unknown is not None
    assert [part.month for part in unknown.parts] == [None, 6.0]
