"""Two replicas, with everything real but the two providers: from nothing to two, through a change, to one, to none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import SAMPLE, Place
from tests.support.dashboard.following import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
MINE = "mine.yaml"


def with_replicas(place: Place, number: int) -> None:
    """Write the config of the test with that number of replicas."""
    (place.folder / MINE).write_text(f"{SAMPLE.read_text()}\nreplicas: {number}\n")
    place.extra["ERT_CONFIG"] = MINE


def reports(place: Place) -> dict[str, str]:
    """Return the status of each report that the app knows."""
    found = requests.get(f"{place.world.app_url}/api/reports?limit=100", timeout=10).json()
    return {report["report_id"]: report["status"] for report in found["reports"]}


def ask(place: Place) -> str:
    answer = requests.post(f"{place.world.app_url}/api/generate", json={"ticker": "AAPL"}, timeout=10)
    return str(answer.json()["report_id"])


def serves(url: str) -> bool:
    """Whether the proxy answers a request for the models, which is sent without a key."""
    try:
        return requests.get(f"{url}/models", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


@contextmanager
def proxied(place: Place) -> Iterator[str]:
    """Run Debian's HAProxy with the files of `proxy`, and yield its URL; empty where it is not installed."""
    with tempfile.TemporaryDirectory() as folder, closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        taken.close()
        found = place.data("proxy", "--port", str(port), "--folder", folder)
        assert [one["replica"] for one in found["servers"]] == [1, 2]
        assert Path(found["file"]).stat().st_mode & 0o077 == 0
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not Path(program).exists():
            yield ""  # its files were written, and are not tried
            return
        subprocess.run([program, "-c", "-f", found["file"]], check=True, capture_output=True, timeout=30)
        process = subprocess.Popen([program, "-f", found["file"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield found["url"]
        finally:
            process.kill()
            process.wait()


def test_from_none_to_two_to_one_to_none(place: Place) -> None:
    with_replicas(place, 2)
    done = place.data("up", timeout=250)
    assert len({backend["machine"] for backend in done["backends"]}) == 2
    health = requests.get(f"{place.world.app_url}/health", timeout=10).json()
    assert health["backends"] == {"up": 2, "of": 2}
    variables = place.variables()
    assert health["fingerprint_2"] == variables["ERT_LLM_CONFIG_FINGERPRINT_2"]
    assert variables["ERT_LLM_API_KEY"] != variables["ERT_LLM_API_KEY_2"]
    assert not place.data("up")["changed"]
    assert place.data("status")["replicas"][0]["standing"] == "as wanted"

    asked = [ask(place) for _ in range(6)]
    until(lambda: [reports(place).get(one) for one in asked] == ["completed"] * 6, 100, every=1.0)

    with proxied(place) as url:
        until(lambda: not url or serves(url), 30, every=0.2)

    with_replicas(place, 1)
    kept = place.data("up", timeout=250)["backends"]
    assert place.instances() == [kept[0]["instance"]] == [done["backends"][0]["instance"]]
    assert place.variables()["ERT_LLM_API_KEY"] == variables["ERT_LLM_API_KEY"]
    assert "ERT_LLM_API_KEY_2" not in place.variables()

    place.ert("down", timeout=250)
    assert place.instances() == []
    billed = {str(row["instance_id"]) for row in place.bill()["rows"]}
    assert billed == {backend["instance"] for backend in done["backends"]}
