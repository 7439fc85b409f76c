"""Three backends as processes and a dashboard as one, under load: one is killed, one drains, every key is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.dashboard.fingerprint import UNLIMITED, entry, listed, replicas
from tests.support.dashboard.following import FINISHED, until
from tests.support.dashboard.processes import server_process
from tests.support.dashboard.timed_backend import processes

pytestmark = pytest.mark.process
SERVICE_S = 0.3
Given = Callable[[list[Any], Path], dict[str, str]]


def client_of(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)


def asked(client: httpx.Client, count: int) -> list[str]:
    """Request so many reports at once."""
    answers = [client.post("/api/generate", json={"ticker": "AAPL"}) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json()["report_id"] for answer in answers]


def states(client: httpx.Client, made: list[str]) -> list[str]:
    found = {row["report_id"]: row["status"] for row in client.get("/api/status").json()["reports"]}
    missing = (client.get(f"/api/reports/{one}").json()["data"]["status"] for one in made if one not in found)
    return [*(found[one] for one in made if one in found), *missing]


def as_list(backends: list[Any], folder: Path) -> dict[str, str]:
    return listed([entry(backend) for backend in backends], folder)


def kill_one_of_three(folder: Path, count: int, given: Given) -> None:
    with processes(3, SERVICE_S) as backends:
        environ = {**given(backends, folder), **UNLIMITED}
        with server_process(environ, folder / "web") as web, client_of(web.port) as client:
            made = asked(client, count)
            until(lambda: "completed" in states(client, made), 60, 0.1)
            backends[0].kill()
            until(lambda: set(states(client, made)) <= FINISHED, 120, 0.2)
            assert states(client, made) == ["completed"] * count
            up: dict[str, Any] = client.get("/health").json()["backends"]
            assert up == {"up": 2, "of": 3}
            texts = {client.get(f"/reports/{one}.md").text.count("Revenue grew.") for one in made}
            assert texts == {5}


def test_one_of_three_is_killed_and_no_report_is_lost(tmp_path: Path) -> None:
    kill_one_of_three(tmp_path, 8, replicas)


@pytest.mark.nightly
@pytest.mark.parametrize("given", [as_list, replicas])
def test_one_of_three_is_killed_under_a_long_queue(given: Given, tmp_path: Path) -> None:
    kill_one_of_three(tmp_path, 60, given)
