"""The image as a real container: its user, its exposed interfaces, and that it stops itself."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ert_deploy.core.model.observed import Vital
from tests.support.backend.rig import ENV, KEY, REQUEST, SECRET, wait_for
from tests.support.doubles.vast_self_api import FakeVast
from tests.support.image.container import INSTANCE_KEY, Container, container
from tests.support.image.docker_engine import Engine
from tests.support.image.local_images import MODEL, SCRIPT

pytestmark = pytest.mark.timeout(600)
FORBIDDEN = re.compile(r"(^|/)(\.env|id_rsa|id_ed25519|\.netrc|\.docker/config\.json|tls-key\.pem|\.git)$")
CONNECT = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('connected')"


PHASES: list[str] = []
KEPT = Path(__file__).parents[2] / "build" / "image-test" / "sbom.cdx.json"  # uploaded by CI as an artefact


@pytest.fixture(scope="module")
def layer_files(docker_engine: Engine, image: str) -> list[str]:
    """Return the names of all files in all layers of the image."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "image.tar"
        docker_engine.run("save", "-o", str(saved), image)
        return _files(saved)


@pytest.fixture(scope="module")
def running(docker_engine: Engine, image: str) -> Iterator[Container]:
    """Yield one container shared by several tests, with the model loaded; PHASES are the phases it reported."""

    def up(one: Container) -> bool:
        found = one.probe()
        PHASES.append(found.phase)
        return found.vital is Vital.HEALTHY

    with container(docker_engine, image, ERT_MIN_TOKENS_PER_S="1") as one:
        wait_for(lambda: up(one), 60)
        yield one


def test_it_proves_itself_and_writes_a_report_over_tls(running: Container) -> None:
    found = running.probe()
    assert found.vital is Vital.HEALTHY
    assert found.model == MODEL
    assert found.certificate is not None
    with running.client(found.certificate) as client:
        status = client.get("/status").json()
        assert status["context_length"] == 16384
        assert status["model_size_vram"] == status["model_size"]
        answer = client.post("/generate_report", json=REQUEST)
        assert answer.status_code == 200
        report = answer.json()
        assert len(report["sections"]) == 5
        assert "391.0" in report["sections"]["financial_analysis"]
        assert client.get("/status", headers={"Authorization": "Bearer ert-wrong"}).status_code == 401


def test_the_model_came_at_boot_to_the_instances_disk(running: Container) -> None:
    assert "guard: off-switch active for instance 4711" in running.log.splitlines()[0]
    assert running.inside("python3", "-c", "import os; print(os.environ['OLLAMA_MODELS'])") == "/data/models"
    assert "pulling" in PHASES
    assert "tls-cert.pem" in running.inside("ls", "/data").split()
    assert running.inside("ls", "/dev/shm").split() == []
    assert running.inside("cat", "/data/claimed").startswith("claimed "), "a request with the key was answered"
    assert running.inside("stat", "-c", "%a %u", "/data/tls-key.pem") == "600 10001"


def test_exactly_one_port_is_published_and_ollama_is_not_reachable_from_outside(
    running: Container, docker_engine: Engine, image: str
) -> None:
    config = json.loads(docker_engine.says("inspect", image))[0]["Config"]
    assert list(config["ExposedPorts"]) == ["8443/tcp"]
    assert list(running.details["NetworkSettings"]["Ports"]) == ["8443/tcp"]
    networks = running.details["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]

    def connects(where: str, port: int, *network: str) -> str:
        command = ["run", "--rm", "--pull", "never", *network, "--entrypoint", "python3", image]
        done = docker_engine.run(*command, "-c", CONNECT, where, str(port), check=False)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    assert connects(address, 8443) == "connected"
    assert "ConnectionRefusedError" in connects(address, 11434)
    assert connects("127.0.0.1", 11434, "--network", f"container:{running.id}") == "connected", "it does run"
    listening = {
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in running.inside("cat", f"/proc/net/{name}").splitlines()[1:]
        if line.split()[3] == "0A"
    }
    everywhere = {entry.partition(":")[2] for entry in listening if re.fullmatch(r"0+", entry.partition(":")[0])}
    assert everywhere == {f"{8443:04X}"}


def test_the_guard_is_the_first_process_and_nobody_is_root(running: Container) -> None:
    script = (
        "import os, json\nrows = []\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    try:\n        command = open(f'/proc/{pid}/cmdline').read().split('\\0')[:-1]\n"
        "        status = dict(line.split(':', 1) for line in open(f'/proc/{pid}/status').read().splitlines())\n"
        "    except OSError:\n        continue\n"
        "    rows.append([int(pid), int(status['PPid']), status['Uid'].split(), status['CapEff'].strip(), command])\n"
        "print(json.dumps(rows))\n"
    )
    rows = json.loads(running.inside("python3", "-c", script))
    ours = [row for row in rows if "/proc/{pid}" not in " ".join(row[4])]
    assert {tuple(row[2]) for row in ours} == {("10001",) * 4}
    assert {int(row[3], 16) for row in ours} == {0}
    first = next(row for row in ours if row[0] == 1)
    assert first[4][1:] == ["-m", "ert_backend.guard"]
    children = sorted(row[4][2] for row in ours if row[1] == 1)
    assert children == ["ert_backend", "ert_deploy.sandbox.ollama"]
    assert KEY not in json.dumps(rows)
    assert SECRET not in json.dumps(rows)


def test_what_is_run_cannot_be_changed_by_who_runs_it(running: Container) -> None:
    script = (
        "import os\nfor top in ('/app', '/opt/ert', '/usr/bin/ollama', '/usr/lib/ollama'):\n"
        "    for folder, names, files in os.walk(top) if os.path.isdir(top) else [(top, [], [])]:\n"
        "        for path in [folder, *(os.path.join(folder, name) for name in files)]:\n"
        "            owner = os.stat(path)\n"
        "            if owner.st_uid != 0 or owner.st_mode & 0o022: print(path)\n"
    )
    assert running.inside("python3", "-c", script) == ""


def test_one_cuda_family_is_in_it_and_in_no_layer_another(running: Container, layer_files: list[str]) -> None:
    script = "import os; print(*sorted(e.name for e in os.scandir('/usr/lib/ollama') if e.is_dir()))"
    assert running.inside("python3", "-c", script).split() == ["cuda_v12", "ert_deploy"]
    assert running.inside("python3", "-c", "import os; print(os.environ['LD_LIBRARY_PATH'])").startswith(
        "/usr/local/nvidia"
    )
    assert [name for name in layer_files if re.search(r"usr/lib/ollama/(cuda_v13|mlx|vulkan)", name)] == []


def test_its_bill_of_materials_names_what_is_installed(running: Container) -> None:
    text = running.inside("cat", "/usr/share/ert/sbom.cdx.json")
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(text)
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    purls = {part["purl"].partition("@")[0] for part in bill["components"]}
    lock = (Path(__file__).parents[2] / "images" / "llm-backend" / "requirements.txt").read_text()
    assert {f"pkg:pypi/{line.partition('==')[0]}" for line in lock.split()} <= purls
    assert "pkg:deb/debian/libgomp1" in purls
    assert "pkg:docker/ert-test/ollama" in purls


def test_no_secret_is_in_a_layer_or_in_the_history(docker_engine: Engine, image: str, layer_files: list[str]) -> None:
    history = docker_engine.says("history", "--no-trunc", image)
    settings = json.loads(docker_engine.says("inspect", image))[0]["Config"]["Env"]
    names = {line.partition("=")[0] for line in settings}
    assert not {name for name in names if re.search("KEY|SECRET|TOKEN|PASSWORD", name)}
    assert not re.search(r"ERT_KEY_HASHES|ERT_BOOT_SECRET|CONTAINER_API_KEY|PASSWORD", history)
    assert [name for name in layer_files if FORBIDDEN.search(name)] == []


def _files(saved: Path) -> list[str]:
    """Return the names in all layers of a saved image."""
    names: list[str] = []
    with tarfile.open(saved) as outer:
        for entry in outer.getmembers():
            stream = outer.extractfile(entry) if entry.isfile() else None
            if stream is None:
                continue
            with stream, contextlib.suppress(tarfile.ReadError), tarfile.open(fileobj=stream) as layer:
                names += layer.getnames()
    assert "app/ert_backend/guard/__main__.py" in names
    return names


def test_an_idle_machine_stops_itself_through_its_own_id(docker_engine: Engine, image: str) -> None:
    """The sandbox's Vast runs on the bridge address, where a container reaches its host."""
    gateway = docker_engine.gateway(image)
    rules = {"ERT_CLOCK_SPEED": "100", "ERT_IDLE_STOP": "600", "ERT_BOOT_DEADLINE": "9000", "ERT_MAX_LIFETIME": "0"}
    with FakeVast(host=gateway) as vast:
        env = {**rules, "ERT_VAST_API": vast.url, "ERT_MIN_TOKENS_PER_S": "1"}
        with container(docker_engine, image, **env) as one:
            found = wait_for(lambda: (h := one.probe()).vital is Vital.HEALTHY and h, 60)
            assert vast.calls == []
            with one.client(found.certificate) as client:
                assert client.post("/reports", json={**REQUEST, "id": "job-1"}).status_code == 202
                wait_for(lambda: client.get("/reports/job-1").json()["status"] == "done", 30)
            wait_for(lambda: vast.calls, 30)
            call = vast.calls[0]
            assert (call.method, call.path, call.body) == ("PUT", "/api/v0/instances/4711/", {"state": "stopped"})
            assert call.key == f"Bearer {INSTANCE_KEY}"
            assert INSTANCE_KEY not in one.log


def test_an_unclaimed_machine_destroys_itself(docker_engine: Engine, image: str) -> None:
    gateway = docker_engine.gateway(image)
    with FakeVast(host=gateway) as vast:
        env = {"ERT_CLOCK_SPEED": "100", "ERT_BOOT_DEADLINE": "500", "ERT_VAST_API": vast.url}
        with container(docker_engine, image, **env):
            wait_for(lambda: vast.calls, 30)
            assert vast.calls[0].method == "DELETE"


def test_sigterm_to_the_first_process_drains_and_ends_with_zero(docker_engine: Engine, image: str) -> None:
    env = {"ERT_DRAIN_GRACE": "30", "ERT_MIN_TOKENS_PER_S": "1", "ERT_OLLAMA_SCRIPT": "/tmp/slow.json"}
    slow = {**SCRIPT, "token_delay": 0.04}
    with container(docker_engine, image, **env) as one:
        write = f"open('/tmp/slow.json', 'w').write({json.dumps(slow)!r})"
        one.inside("python3", "-c", write)
        found = wait_for(lambda: (h := one.probe()).vital is Vital.HEALTHY and h, 60)
        with one.client(found.certificate) as client:
            assert client.post("/reports", json={**REQUEST, "id": "job-1"}).status_code == 202
            wait_for(lambda: client.get("/reports/job-1").json()["status"] == "running")
            docker_engine.run("kill", "-s", "TERM", one.id)
            late = wait_for(lambda: (a := _post(client)).status_code == 503 and a, 10)
            assert int(late.headers["Retry-After"]) > 0
            with client.stream("GET", "/reports/job-1/events") as events:
                assert "event: done" in "".join(events.iter_text())
        wait_for(lambda: not one.details["State"]["Running"], 30)
        assert one.details["State"]["ExitCode"] == 0
        assert one.details["State"]["OOMKilled"] is False


def _post(client: httpx.Client) -> httpx.Response:
    return client.post("/reports", json={**REQUEST, "id": f"late-{secrets.token_hex(3)}"})


def test_a_disk_that_survives_a_stop_keeps_certificate_and_model(docker_engine: Engine, image: str) -> None:
    with container(docker_engine, image, ERT_MIN_TOKENS_PER_S="1") as one:
        before = wait_for(lambda: (h := one.probe()).vital is Vital.HEALTHY and h, 60)
        docker_engine.run("stop", "-t", "20", one.id)
        assert one.details["State"]["ExitCode"] == 0
        docker_engine.run("start", one.id)
        published = docker_engine.says("port", one.id, "8443/tcp").splitlines()[0]
        again = Container(docker_engine, one.id, int(published.rpartition(":")[2]))
        after = wait_for(lambda: (h := again.probe()).vital is Vital.HEALTHY and h, 60)
        assert after.certificate == before.certificate
        assert ENV["ERT_TOKEN"] not in again.log
