"""A report that is requested while the GPU sleeps is delivered: agent, dashboard and backend as real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_dashboard.auth.password import hash_password
from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
KEY = "agent-key-of-this-test-0123456789abcdef"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for a dashboard that starts on a busy machine."""
    yield from run_sandbox(tmp_path, "toy", 20.0)


def set_variable(place: Place, name: str, value: str) -> None:
    url = f"{place.world.render_url}/services/{place.world.service_id}/env-vars/{name}"
    headers = {"Authorization": f"Bearer {place.world.render_key}"}
    requests.put(url, json={"value": value}, headers=headers, timeout=10).raise_for_status()


def agent(place: Place, *options: str) -> tuple[Any, str]:
    """Start an agent, and return its process and its URL."""
    place.extra["ERT_AGENT_KEY"] = KEY
    process = place.start("agent", "--listen", "127.0.0.1:0", "--every", "5s", *options)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    set_variable(place, "ERT_AGENT_URL", url)
    set_variable(place, "ERT_AGENT_KEY", KEY)
    set_variable(place, "ERT_DASHBOARD_REQUESTS_PER_SECOND", "0")
    set_variable(place, "ERT_DASHBOARD_PASSWORD_HASH", hash_password(PASSWORD))
    return process, url


def logged_in(place: Place) -> requests.Session:
    browser = requests.Session()
    browser.headers["Origin"] = str(place.world.app_url)
    browser.post(f"{place.world.app_url}/login", data={"password": PASSWORD}, timeout=10).raise_for_status()
    return browser


def ask(place: Place, browser: requests.Session) -> str:
    answer = browser.post(f"{place.world.app_url}/api/generate", json={"ticker": "AAPL"}, timeout=10)
    return f"{place.world.app_url}/api/reports/{answer.json()['report_id']}"


def is_delivered(browser: requests.Session, report: str) -> bool:
    """Whether it is complete; the app does not respond while a deploy replaces it."""
    try:
        answer = browser.get(report, timeout=10)
    except requests.ConnectionError:
        return False
    assert answer.status_code in (200, 502), answer.text
    return answer.status_code == 200 and answer.json()["data"]["status"] == "completed"


def ended(place: Place, process: Any) -> None:
    """End the agent, and then the deployment."""
    process.terminate()
    out, said = process.communicate(timeout=30)
    assert KEY not in out + said
    assert "Traceback" not in said
    place.ert("down")
    assert place.instances() == []


def fingerprint(place: Place) -> str:
    return str(requests.get(f"{place.world.app_url}/health", timeout=10).json()["fingerprint"])


def test_it_wakes_where_it_was_and_the_app_follows_without_a_deploy(place: Place) -> None:
    process, _ = agent(place, "--gpu-only")
    place.ert("up")
    place.ert("sleep")
    before, deploys, shown = place.instances(), place.deploys(), fingerprint(place)
    place.trouble(provider="vast", kind="ports_change")
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    assert (place.instances(), place.deploys()) == (before, deploys)
    assert fingerprint(place) != shown
    ended(place, process)


@pytest.mark.nightly
def test_with_a_key_of_the_web_host_it_writes_the_variables_and_deploys_nothing(place: Place) -> None:
    text = SAMPLE.read_text()
    service = "    - name: ert-dashboard\n"
    assert text.count(service) == 1
    at = text.index(service) + len(service)
    (place.folder / "mine.yaml").write_text(f"{text[:at]}      follows: 20m\n{text[at:]}")
    place.extra["ERT_CONFIG"] = "mine.yaml"
    process, _ = agent(place)
    place.ert("up")
    place.ert("sleep")
    before, deploys, variables = place.instances(), place.deploys(), place.variables()
    place.trouble(provider="vast", kind="ports_change")
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    until(lambda: place.variables()["ERT_LLM_CONFIG_FINGERPRINT"] == fingerprint(place), 60)
    assert place.variables()["ERT_LLM_BACKEND_URL"] != variables["ERT_LLM_BACKEND_URL"]
    assert (place.instances(), place.deploys()) == (before, deploys)
    ended(place, process)


def test_it_wakes_on_another_machine_where_its_gpu_was_taken(place: Place, database: Server) -> None:
    set_variable(place, "DATABASE_URL", database.url(database.database()))
    process, _ = agent(place)
    place.ert("up")
    place.ert("sleep")
    before = place.instances()
    place.trouble(provider="vast", kind="gpu_taken", instance_id=int(before[0]))
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    assert not set(place.instances()) & set(before)
    ended(place, process)
