"""Two replicas change under load: another image, another key, one killed, one less; HAProxy in front of `/v1`."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.delivery import set_variable
from tests.support.agent.pids import children, guards
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import Server
from tests.support.llm_engine.servers import free_port
from tests.support.proxy.changing import load
from tests.support.proxy.running import HAPROXY, needs_haproxy

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(900), needs_haproxy]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for real processes on a busy machine."""
    for made in run_sandbox(tmp_path, "toy", 20.0):
        made.extra["ERT_CONFIG"] = "mine.yaml"
        yield made


def written(place: Place, replicas: int, tag: str = "0.1.0") -> None:
    """Write the config; requests have half a minute to end before their machine goes."""
    text = SAMPLE.read_text()
    for old, new in {"ert-llm-backend:0.1.0": f"ert-llm-backend:{tag}", "drain: 75s": "drain: 10m"}.items():
        assert old in text
        text = text.replace(old, new)
    (place.folder / "mine.yaml").write_text(f"{text}\nreplicas: {replicas}\n")


@contextmanager
def followed(place: Place) -> Iterator[str]:
    """Run `proxy --follow`, and HAProxy by the line that it prints; yield its URL."""
    with tempfile.TemporaryDirectory(prefix="ert-proxy-") as folder:
        process = place.start("proxy", "--follow", "--port", str(free_port()), "--folder", folder)
        assert process.stdout is not None
        told: dict[str, str] = {}
        while "reload" not in told:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            word, _, rest = line.strip().partition(" ")
            told[word] = rest.strip()
        _, *options = shlex.split(told["start"])
        with (place.folder / "haproxy.log").open("w") as log:
            haproxy = subprocess.Popen([str(HAPROXY), *options], stdout=log, stderr=subprocess.STDOUT)
            try:
                until(lambda: serves(told["URL"]), 30, every=0.2)
                yield told["URL"]
            finally:
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=30)
                haproxy.terminate()
                haproxy.wait(30)
        assert process.returncode == 0
        assert "HAProxy reads them" in said


def serves(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/models", timeout=10).status_code == 200
    return False


def below(pid: int) -> list[int]:
    """Return the pids of all processes that a process has started, directly or not."""
    return [found for one in children(pid) for found in (one, *below(one))]


def kill(place: Place, instance: str) -> None:
    """End the guard of a machine and all that it started with SIGKILL, the guard first: it would start them again."""
    guard = guards(place)[int(instance)]
    for pid in (guard, *below(guard)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_changes_under_load_cost_nothing_and_a_kill_what_it_was_writing(place: Place, database: Server) -> None:
    set_variable(place, "DATABASE_URL", database.url(database.database()))
    set_variable(place, "ERT_DASHBOARD_REPORTS_PER_HOUR", "0")
    written(place, 2)
    before = place.data("up", timeout=280)["backends"]
    with followed(place) as url, load(url, place.world.app_url, "image") as found:
        try:
            written(place, 2, "0.1.1")
            after = place.data("up", timeout=400)["backends"]
            assert not {one["instance"] for one in before} & {one["instance"] for one in after}
            found.phase = "key"
            place.ert("key", "rotate", timeout=280)
            found.phase = "kill"
            kill(place, after[0]["instance"])
            until(lambda: found.counts["kill"]["whole"] > 20, 100, every=0.2)
            found.phase = "up again"
            place.data("up", timeout=280)
            found.phase = "drain"
            written(place, 1, "0.1.1")
            place.data("up", timeout=280)
            found.ended(200)
        finally:
            print(found.lines())  # noqa: T201 the figures, and what they are made of
    for phase in ("image", "key", "up again", "drain"):
        assert found.lost(phase) == 0, phase
    assert found.lost("kill") <= found.clients
    taken = sum(counts["report completed"] for counts in found.counts.values())
    assert taken == len(found.reports) > 0
    assert not any(counts["report not taken"] for counts in found.counts.values())
