"""An app that waits for a backend that sleeps: the agent as a process, reports asked for, and their delivery."""

from __future__ import annotations

from typing import Any

import requests

from ert_dashboard.auth.password import hash_password
from tests.e2e.conftest import Place

KEY = "agent-key-of-this-test-0123456789abcdef"
PASSWORD = "correct horse battery staple"


def set_variable(place: Place, name: str, value: str) -> None:
    url = f"{place.world.render_url}/services/{place.world.service_id}/env-vars/{name}"
    headers = {"Authorization": f"Bearer {place.world.render_key}"}
    requests.put(url, json={"value": value}, headers=headers, timeout=10).raise_for_status()


def agent(place: Place, *options: str, listen: str = "127.0.0.1:0") -> tuple[Any, str]:
    """Start an agent, and return its process and its URL; where one was, the app knows its address already."""
    place.extra["ERT_AGENT_KEY"] = KEY
    process = place.start("agent", "--listen", listen, "--every", "5s", *options)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    if listen.endswith(":0"):
        point(place, url)
    return process, url


def point(place: Place, url: str) -> None:
    """Tell the app of an agent, and set a password, so that its reports wake by themselves."""
    set_variable(place, "ERT_AGENT_URL", url)
    set_variable(place, "ERT_AGENT_KEY", KEY)
    set_variable(place, "ERT_DASHBOARD_REQUESTS_PER_SECOND", "0")
    set_variable(place, "ERT_DASHBOARD_PASSWORD_HASH", hash_password(PASSWORD))


def logged_in(place: Place) -> requests.Session:
    browser = requests.Session()
    browser.headers["Origin"] = str(place.world.app_url)
    browser.post(f"{place.world.app_url}/login", data={"password": PASSWORD}, timeout=10).raise_for_status()
    return browser


def ask(place: Place, browser: requests.Session) -> str:
    answer = browser.post(f"{place.world.app_url}/api/generate", json={"ticker": "AAPL"}, timeout=10)
    return f"{place.world.app_url}/api/reports/{answer.json()['report_id']}"


def shown(browser: requests.Session, report: str) -> dict[str, Any]:
    """Return what the app shows of a report; empty while it does not respond."""
    try:
        answer = browser.get(report, timeout=10)
    except requests.ConnectionError:
        return {}
    found: dict[str, Any] = answer.json()["data"] if answer.status_code == 200 else {}
    return found


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
