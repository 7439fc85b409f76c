"""A user's app in Render's double: where its commands come from, its builds, and that it stays on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.__main__ import main
from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.app_folder import AppOrder, read
from ert_deploy.sandbox.world.file import WorldError, WorldFile
from tests.support.render.world import KEY, QUICK, until

APP = """\
import http.server, json, os
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps([self.server.server_address[0], os.environ.get("COLOUR"), os.getcwd()]).encode())
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), App).serve_forever()
"""
BLUEPRINT = """\
services:
  - {type: worker, name: other, startCommand: python worker.py}
  - type: web
    name: shop
    rootDir: web
    buildCommand: python build.py
    startCommand: python web.py
    healthCheckPath: /ready
    numInstances: 2
    previews: {generation: automatic}
    envVars:
      - {key: COLOUR, value: red}
      - {key: DEBUG, value: false}
      - {key: SECRET, generateValue: true}
      - {key: ASKED_FOR, sync: false}
      - {fromGroup: shared}
"""


def order(folder: Path, **given: Any) -> AppOrder:
    return AppOrder(str(folder), "shop", **given)


def test_what_is_given_goes_before_render_yaml_and_that_before_the_procfile(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    assert (read(order(tmp_path)).start, read(order(tmp_path)).build) == ("gunicorn app:app", "")
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "Procfile").write_text("worker: python worker.py\nweb: gunicorn shop:app --workers 2\n")
    found = read(order(tmp_path))
    assert (found.start, found.build) == ("gunicorn shop:app --workers 2", "pip install -r requirements.txt")
    (tmp_path / "render.yaml").write_text(BLUEPRINT)
    (tmp_path / "web").mkdir()
    found = read(order(tmp_path))
    assert (found.folder, found.start, found.build) == (tmp_path / "web", "python web.py", "python build.py")
    assert (found.health, found.instances, found.previews) == ("/ready", 2, "automatic")
    assert {name: value for name, value in found.env.items() if name != "SECRET"} == {"COLOUR": "red", "DEBUG": "false"}
    assert len(found.env["SECRET"]) > 30
    given = read(order(tmp_path, start="python -m shop", build="", health="", instances=3))
    assert (given.start, given.build, given.health, given.instances) == ("python -m shop", "", "", 3)


@pytest.mark.parametrize(
    ("blueprint", "said"),
    [
        (None, "has no start command: no render.yaml, Procfile or app.py; --start gives one"),
        ("services: [", "render.yaml can't be read: while parsing"),
        ("services: {}", "render.yaml can't be read: services must be a list of objects"),
        ("- a", "render.yaml can't be read: services must be a list of objects"),
        ("services: [{type: web, runtime: docker}]", "a service of runtime docker has no start command"),
        (
            "services: [{type: web, name: a}, {type: web, name: b}]",
            "has 2 web services (a, b), none of them named shop",
        ),
        ("services: [{type: web, rootDir: nowhere}]", "rootDir 'nowhere' is not a folder"),
        ("services: [{type: web, startCommand: x, numInstances: many}]", "instances must be 1 to 10, not 'many'"),
        ("services: [{type: web, startCommand: x, healthCheckPath: ready}]", "path 'ready' must start with /"),
        ("services: [{type: web, startCommand: x, envVars: {A: b}}]", "envVars must be a list of objects"),
    ],
)
def test_a_folder_that_cannot_be_run_is_refused_in_one_line(tmp_path: Path, blueprint: str | None, said: str) -> None:
    if blueprint is not None:
        (tmp_path / "render.yaml").write_text(blueprint)
    with pytest.raises(WorldError) as refused:
        read(order(tmp_path))
    assert said in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = tmp_path / "world"
    given = json.dumps({"folder": str(tmp_path / "nowhere"), "service": "shop"})
    assert main(["start", "--world", str(world), "--app", given]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'nowhere'} is not a folder\n"
    assert not world.exists()
    with pytest.raises(SystemExit) as ended:
        main(["start", "--world", str(world), "--app", '{"folder": "."}'])
    assert ended.value.code == 2


def test_an_app_cannot_take_the_place_of_a_world_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").touch()
    running: Any = object()

    def attach(_: Path) -> WorldFile:
        return running  # type: ignore[no-any-return]

    monkeypatch.setattr("ert_deploy.sandbox.world.file.attach", attach)
    with pytest.raises(WorldError, match=r"is running in .* already; `ert-deploy sandbox stop` ends it first"):
        daemon.start(tmp_path / "world", app=order(tmp_path))
    assert daemon.start(tmp_path / "world") is running


@contextmanager
def double(folder: Path, **given: Any) -> Iterator[RenderDouble]:
    state = folder / "state"
    app = read(order(folder, **given))
    made = RenderDouble(WorldClock(speed=200.0), state, KEY, images=folder, timeline=QUICK, app=app).start()
    try:
        yield made
    finally:
        made.stop()


def call(made: RenderDouble, method: str, path: str) -> Any:
    return requests.request(method, made.url + path, headers={"Authorization": f"Bearer {KEY}"}, json={}, timeout=10)


def test_it_is_built_started_and_built_again_and_never_leaves_loopback(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(APP)
    build = "echo built $COLOUR >> built.txt && test ! -e broken"
    with double(tmp_path, build=build, start="python serve.py --bind 0.0.0.0:$PORT") as made:
        service = made.add_service("shop", {"COLOUR": "green"})
        assert requests.get(made.app_url(service), timeout=10).json() == ["127.0.0.1", "green", str(tmp_path)]
        assert (tmp_path / "built.txt").read_text() == "built green\n"
        shown = call(made, "GET", f"/services/{service}").json()["serviceDetails"]
        assert shown["envSpecificDetails"]["buildCommand"] == build
        (tmp_path / "broken").touch()
        deploy = call(made, "POST", f"/services/{service}/deploys").json()["id"]
        path = f"/services/{service}/deploys/{deploy}"
        until(lambda: call(made, "GET", path).json()["status"] == "build_failed")
        assert (tmp_path / "built.txt").read_text() == "built green\nbuilt green\n"
        assert requests.get(made.app_url(service), timeout=10).status_code == 200
    assert json.loads((tmp_path / "state" / "render-processes.json").read_text()) == []


def test_several_instances_answer_in_turn(tmp_path: Path) -> None:
    source = "import http.server, os\nclass App(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n"
    source += "        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())\n"
    source += "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), App).serve_forever()\n"
    (tmp_path / "serve.py").write_text(source)
    with double(tmp_path, start="exec python serve.py", instances=3) as made:
        url = made.app_url(made.add_service("shop", {}))
        assert len({requests.get(url, timeout=10).text for _ in range(9)}) == 3


def test_a_build_that_fails_says_so_and_ends_what_it_started(tmp_path: Path) -> None:
    build = "sleep 600 & echo nothing to build here; exit 3"
    with double(tmp_path, build=build, start="true") as made, pytest.raises(RuntimeError) as failed:
        made.add_service("shop", {})
    assert "first deploy finished as build_failed" in str(failed.value)
    assert "nothing to build here" in str(failed.value)


def test_a_build_ends_with_the_double(tmp_path: Path) -> None:
    with double(tmp_path, build="exec python -c 'import time; time.sleep(600)'", start="true") as made:
        made._platform.deployer.request(made._platform.add("shop"), at_once=True)
        until((tmp_path / "state" / "render-processes.json").exists)
        (row,) = json.loads((tmp_path / "state" / "render-processes.json").read_text())
    assert not Path(f"/proc/{row['pid']}").exists()


def test_a_build_reaches_loopback_only(tmp_path: Path) -> None:
    code = "import socket; socket.create_connection(('203.0.113.9', 80), 1)"
    with (
        double(tmp_path, build=f'python -c "{code}"', start="true") as made,
        pytest.raises(RuntimeError, match="refused"),
    ):
        made.add_service("shop", {})
    assert "203.0.113.9" in (tmp_path / "state" / "refused-connections.log").read_text()


def test_the_python_of_the_sandbox_is_the_one_of_the_app(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(APP)
    build = "python -c 'import sys; print(sys.prefix)' > prefix"
    with double(tmp_path, build=build, start="exec python serve.py") as made:
        made.add_service("shop", {})
    assert (tmp_path / "prefix").read_text().strip() == sys.prefix
