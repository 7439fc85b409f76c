"""The channel of live updates on a real Redis or Valkey: an outage is told, and no report waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.clock import SystemClock
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.shared import refusal
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard
from ert_dashboard.web.channel import Channel
from ert_dashboard.web.service import Service
from ert_dashboard.web.worker import start_worker
from tests.support.dashboard.emptied import emptied
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.following import ask, ended, until
from tests.support.doubles.key_value import KeyValueServer
from tests.support.doubles.postgres import Server
from tests.support.llm_engine.servers import free_port

Start = Callable[[dict[str, str]], Dashboard]
IMAGE = Path(__file__).parents[2] / "images" / "dashboard"


@pytest.fixture(scope="module")
def one_database(database: Server) -> str:
    return database.url(database.database())


@pytest.fixture
def kept(backend: FakeBackend, tmp_path: Path, one_database: str, key_value: KeyValueServer) -> dict[str, str]:
    """Return the environment of a web process with an empty database and a key value store."""
    environ = {**complete(backend, tmp_path, timeout_s=300), "DATABASE_URL": emptied(one_database)}
    return {**environ, "REDIS_URL": key_value.url, "ERT_DASHBOARD_ROLE": "web"}


@pytest.fixture
def worker(kept: dict[str, str]) -> Iterator[Service]:
    service = start_worker(read_settings({**kept, "ERT_DASHBOARD_ROLE": "worker"}))
    yield service
    service.close()


def live(dashboard: Dashboard) -> bool:
    channel = dashboard.service.channel
    return channel is None or channel.live


def test_an_outage_of_the_store_is_told_and_loses_no_report(
    kept: dict[str, str], start: Start, key_value: KeyValueServer, worker: Service
) -> None:
    dashboard = start(kept)
    until(lambda: live(dashboard))
    client: Any = dashboard.app.test_client()
    key_value.stop()
    until(lambda: not live(dashboard), 20)
    assert client.get("/api/status").json["updates"] == "delayed"
    assert ended(client, ask(client))["status"] == "completed"
    key_value.start()
    until(lambda: live(dashboard), 20)
    assert client.get("/api/status").json["updates"] == "live"


def test_without_a_store_of_events_the_own_ones_are_live(environ: dict[str, str], start: Start) -> None:
    assert start(environ).app.test_client().get("/api/status").json["updates"] == "live"  # type: ignore[index]


def test_a_frozen_store_holds_up_no_report(
    kept: dict[str, str], start: Start, backend: FakeBackend, key_value: KeyValueServer, worker: Service
) -> None:
    dashboard = start(kept)
    until(lambda: live(dashboard))
    key_value.freeze()
    try:
        client: Any = dashboard.app.test_client()
        for _ in range(3):
            assert ended(client, ask(client))["status"] == "completed"
        until(lambda: not live(dashboard), 20)
    finally:
        key_value.freeze(thaw=True)
    until(lambda: live(dashboard), 20)


def test_a_poll_is_refused_where_it_could_reach_another_process(kept: dict[str, str], start: Start) -> None:
    client = start(kept).app.test_client()
    assert client.get("/socket.io/?EIO=4&transport=polling").status_code == 400


@pytest.mark.parametrize(
    "url", ["http://x", "redis:/x", "memcached://x", "redis://kv.example.com", "redis://[x", "redis://9.9.9.9:1"]
)
def test_another_kind_of_store_stops_the_start(kept: dict[str, str], url: str) -> None:
    with pytest.raises(BadSetting, match="REDIS_URL"):
        read_settings({**kept, "REDIS_URL": url})


@pytest.mark.parametrize("url", ["redis://red-c1:6379", "redis://10.0.0.4", "redis://[::1]", "rediss://kv.example.com"])
def test_the_store_is_reached_in_the_private_network_or_encrypted(kept: dict[str, str], url: str) -> None:
    assert read_settings({**kept, "REDIS_URL": url}).redis_url == Secret(url)


def test_a_channel_that_is_closed_ends_at_once(key_value: KeyValueServer) -> None:
    for write_only in (False, True):
        clock = SystemClock()
        channel = Channel(Secret(key_value.url), clock, write_only=write_only)
        before = clock.monotonic()
        channel.close()
        assert clock.monotonic() - before < 1.5  # and not a pause between two heartbeats later


@pytest.mark.parametrize(
    ("left_out", "said"), [(("REDIS_URL",), "REDIS_URL"), (("DATABASE_URL", "REDIS_URL"), "DATABASE_URL and REDIS_URL")]
)
def test_several_processes_need_both_stores(left_out: tuple[str, ...], said: str) -> None:
    environ = {"DATABASE_URL": "postgres://u:canary-0123456789@h/d", "REDIS_URL": "redis://:canary-0123456789@h"}
    assert refusal(3, environ) is None
    fewer = {name: value for name, value in environ.items() if name not in left_out}
    assert refusal(1, fewer) is None
    assert "serves no pages" in (refusal(1, {**environ, "ERT_DASHBOARD_ROLE": "worker"}) or "")
    problem = refusal(3, fewer) or ""
    assert f"without {said}:" in problem
    assert "canary" not in problem
    assert "without DATABASE_URL" in (refusal(2, {**environ, "IS_PULL_REQUEST": "true"}) or "")


@pytest.mark.e2e
def test_gunicorn_refuses_the_platforms_number_of_workers(environ: dict[str, str], tmp_path: Path) -> None:
    """Render sets WEB_CONCURRENCY; three workers without a shared store broke five of twelve sessions."""
    options = ["-k", "gthread", "--threads", "20", "--no-control-socket", "--bind", f"127.0.0.1:{free_port()}"]
    inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "WEB_CONCURRENCY": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", *options, "wsgi:app"],
        cwd=IMAGE,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4
    assert "3 processes cannot serve this dashboard without DATABASE_URL and REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
