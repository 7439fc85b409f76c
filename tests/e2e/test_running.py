"""A running deployment as its operator uses it, in one sandbox: reports, questions, curl, logs, events, a restart."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.e2e.conftest import Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_what_an_operator_does_with_a_running_deployment(place: Place) -> None:
    (backend,) = place.data("up")["backends"]

    done = place.ert("report", "AAPL")
    assert re.search(r"^Writing [1-5] of 5: \w.*\.$", done.stderr, re.MULTILINE), done.stderr
    assert "Done: The report is complete." in done.stderr
    (listed,) = place.data("report", "list")["reports"]
    assert listed["status"] == "completed"

    assert place.ert("ask", "Hello?").stdout.strip()

    found = place.data("connection")
    key = place.variables()["ERT_LLM_API_KEY"]
    assert key not in json.dumps(found)
    program = " ".join((sys.executable, "-m", "ert_deploy.cli"))
    line = found["curl"].replace("ert-deploy", program, 1)
    models = subprocess.run(
        ["sh", "-c", line],
        cwd=place.folder,
        env=place.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(models.stdout)["object"] == "list"

    lines = place.data("logs", "--since", "20h", "--tail", "1000")["lines"]
    assert {"backend", "guard", "app"} <= {one["source"] for one in lines}
    assert [one["at"] or 0.0 for one in lines] == sorted(one["at"] or 0.0 for one in lines)
    assert key not in json.dumps(lines)

    done = place.ert("restart", "--yes", timeout=200)
    assert f"instance {backend['instance']} serves again" in done.stdout
    assert place.instances() == [backend["instance"]]
    assert len(place.data("report", "MSFT")["sections"]) == 5
    assert not place.data("up")["changed"]

    (accepted,) = place.data("key", "list")["keys"]
    assert accepted["app"] == "ert-dashboard"
    place.ert("down")
    events = place.data("events")["events"]
    told = [one["what"] for one in events]
    assert told[0] == "rented"
    assert {"ready", "published", "deployed", "proven", "destroying"} <= set(told)
    assert told[-1] == "destroyed"
    assert all("@" in one["who"] for one in events)
