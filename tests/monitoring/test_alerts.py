"""Alerts: played by promtool; each fires, stays silent, links its remedy, and uses metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_dashboard.web.metrics import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "configs" / "monitoring" / "rules.yml"
CONFIG = RULES.with_name("prometheus.yml")
CASES = Path(__file__).with_name("alerts")
METRIC = re.compile(r"\b(?:ert_[a-z_]+|up)\b")


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """Return the rules by the name of the alert."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*arguments: str | Path) -> str:
    """Run promtool and return its output; skip without it."""
    if (program := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def headings() -> set[str]:
    """Return the anchors of its headings, as GitHub makes them."""
    lines = (ROOT / "RUNBOOK.md").read_text().splitlines()
    titles = (line.lstrip("# ").lower() for line in lines if line.startswith("## "))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def test_promtool_accepts_rules_and_config() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", CONFIG)
    assert "SUCCESS" in promtool("test", "rules", *sorted(CASES.glob("*.yml")))


@pytest.mark.parametrize("name", alerts())
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    cases = [case for test in yaml.safe_load((CASES / f"{name}.yml").read_text())["tests"] for case in
             test["alert_rule_test"] if case["alertname"] == name]  # fmt: skip
    assert {bool(case.get("exp_alerts")) for case in cases} == {True, False}


def test_a_case_notices_a_threshold_that_moved(tmp_path: Path) -> None:
    moved = tmp_path / "rules.yml"
    moved.write_text(RULES.read_text().replace("< 0.99", "< 0.85"))
    case = tmp_path / "case.yml"
    case.write_text(
        (CASES / "ErtHealthLow.yml").read_text().replace("../../../configs/monitoring/rules.yml", str(moved))
    )
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", case)


@pytest.mark.parametrize(("name", "rule"), alerts().items())
def test_an_alert_links_its_entry_and_uses_metrics_that_exist(name: str, rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (page, anchor in headings()) == ("RUNBOOK.md", True), anchor
    assert rule["labels"]["severity"] in ("warning", "critical")
    known = {family.name for family in FAMILIES} | {"up"}
    assert set(METRIC.findall(rule["expr"])) - {"ert"} <= known
    assert name in (ROOT / "docs" / "monitoring.md").read_text()


def test_the_config_has_the_job_that_rules_and_slo_go_by_and_no_secret() -> None:
    (job,) = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    assert job["job_name"] == "ert"
    assert set(job["authorization"]) == {"credentials_file"}
    assert yaml.safe_load(CONFIG.read_text())["rule_files"] == [RULES.name]
