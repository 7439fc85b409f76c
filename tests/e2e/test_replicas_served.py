"""Three whole machines (guard, backend, engine with the small model), and a dashboard with the variables of each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_deploy.core.model.secret import Secret
from ert_deploy.proxy.servers import ProxyServer
from ert_deploy.sandbox.ollama.weights import default_cache, ensure_model
from tests.support.agent.pids import children
from tests.support.dashboard.fingerprint import UNLIMITED, replicas
from tests.support.dashboard.following import FINISHED, until
from tests.support.dashboard.processes import server_process
from tests.support.llm_engine.servers import Machine, machine
from tests.support.proxy.running import HAPROXY, running

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(900)]
SECONDS = 400.0  # for reports of a small model on busy cores


@dataclass
class Backend:
    """A machine with a key of its own, as the variables of a replica name it."""

    machine: Machine
    key: str

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.machine.port}"

    @property
    def pem(self) -> str:
        return (self.machine.data / "tls-cert.pem").read_text()

    def status(self) -> dict[str, Any]:
        with self.machine.client() as client:
            found = client.get("/status", headers={"Authorization": f"Bearer {self.key}"})
            assert found.status_code == 200
            body: dict[str, Any] = found.json()
            return body

    def asked(self) -> list[str]:
        """Return the requests that the machine has let in or turned away, by its audit log."""
        return [line for path in sorted(self.machine.data.glob("audit*")) for line in path.read_text().splitlines()]

    def kill(self) -> None:
        """End the guard and all that it started with SIGKILL, the guard first: it would start them again."""
        for pid in (self.machine.guard.pid, *_below(self.machine.guard.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.machine.guard.wait(10)


def _below(pid: int) -> list[int]:
    """Return the pids of all processes that a process has started, directly or not."""
    return [found for one in children(pid) for found in (one, *_below(one))]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Backend]]:
    with contextlib.ExitStack() as stack:
        found = []
        for number in range(1, 4):
            folder = tmp_path / f"machine-{number}"
            folder.mkdir()
            key = f"ert-key-of-replica-{number}"
            hashes = hashlib.sha256(key.encode()).hexdigest()
            more = {"ERT_KEY_HASHES": hashes, "ERT_PROBE_SLOTS": "off", "ERT_NUM_PREDICT": "64"}
            running = stack.enter_context(machine(ensure_model(default_cache()), folder, **more))
            found.append(Backend(running, key))
        yield found


def asked(client: httpx.Client, count: int) -> list[str]:
    answers = [client.post("/api/generate", json={"ticker": "AAPL"}) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json()["report_id"] for answer in answers]


def states(client: httpx.Client, made: list[str]) -> list[str]:
    return [client.get(f"/api/reports/{one}").json()["data"]["status"] for one in made]


def page(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)


def test_one_of_three_machines_is_killed_under_load_and_no_report_is_lost(three: list[Backend], tmp_path: Path) -> None:
    _a_wrong_pin_gets_nothing(three, tmp_path)
    with (
        server_process({**replicas(three, tmp_path, 600), **UNLIMITED}, tmp_path / "web") as web,
        page(web.port) as client,
    ):
        until(lambda: client.get("/health").json()["backends"] == {"up": 3, "of": 3}, 60, 0.2)
        made = asked(client, 9)
        until(lambda: [one.status()["queue"]["active"] for one in three] == [1, 1, 1], SECONDS, 0.2)
        until(lambda: "completed" in states(client, made), SECONDS, 0.2)
        three[0].kill()
        until(lambda: set(states(client, made)) <= FINISHED, SECONDS, 0.5)
        assert states(client, made) == ["completed"] * 9
        assert client.get("/health").json()["backends"] == {"up": 2, "of": 3}
        sections = [client.get(f"/api/reports/{one}").json()["report"]["sections"] for one in made]
        assert {len(one) for one in sections} == {5}
    if HAPROXY is not None:
        _haproxy_goes_on_without_it(three)


def _a_wrong_pin_gets_nothing(three: list[Backend], folder: Path) -> None:
    """Write reports with two machines, while the third set has the certificate of another machine."""

    class Mispinned:
        url, key, pem = three[2].url, three[2].key, three[1].pem

    before = three[2].asked()
    environ = {**replicas([*three[:2], Mispinned()], folder, 600), **UNLIMITED}
    with server_process(environ, folder / "first") as web, page(web.port) as client:
        until(lambda: client.get("/health").json()["backends"] == {"up": 2, "of": 3}, 60, 0.2)
        made = asked(client, 2)
        until(lambda: states(client, made) == ["completed"] * 2, SECONDS, 0.5)
        assert three[2].asked() == before
    assert three[2].status()["total_reports"] == 0
    assert sum(one.status()["total_reports"] for one in three[:2]) == 2


def _haproxy_goes_on_without_it(three: list[Backend]) -> None:
    """Ask the model of the machines that are left, each with its certificate and key, through HAProxy."""
    servers = [ProxyServer(at, one.url, one.pem, Secret(one.key)) for at, one in enumerate(three, 1)]
    with running(servers, up=2) as proxy, page(proxy.proxy.port) as client:
        body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
        found = [client.post("/v1/chat/completions", json=body, timeout=SECONDS) for _ in range(4)]
        assert [one.status_code for one in found] == [200] * 4
        assert {one.json()["object"] for one in found} == {"chat.completion"}
