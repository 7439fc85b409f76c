"""Agent and dashboard in one service: own variables, unreadable for others of their user, restarted, ended together."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ert_dashboard.auth.access import read_access
from ert_dashboard.base.env import BadSetting
from ert_deploy.agent.beside.neighbours import telling
from ert_deploy.agent.beside.shares import shared
from ert_deploy.cli import cli
from ert_deploy.config.providers import GPU_CLOUDS, WEB_HOSTS
from ert_deploy.config.settings import NOTIFY_URLS, STATE_KEY
from ert_deploy.core.model.errors import UsageError
from tests.support.agent.beside import DASHBOARD, Service, look, other, stubs, written

AGENTS = {"VAST_API_KEY": "planted-" + secrets.token_hex(8), "ERT_STATE_DATABASE_URL": "planted-state"}
DASHBOARDS = {
    "DATABASE_URL": "planted-reports",
    "ERT_LLM_CA_CERT": "-----BEGIN\nplanted 'quoted' \"%s\" \\\n",
    "PORT": "1",
}
BOTH = {"ERT_AGENT_KEY": "planted-agent-key"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Service]:
    """Run a service of two stubs with planted secrets."""
    with stubs(tmp_path, {**AGENTS, **DASHBOARDS, **BOTH}) as made:
        yield made


def test_what_is_empty_stays_so_for_the_dashboard_as_an_empty_password_keeps_it_from_starting() -> None:
    parts = shared({"ERT_DASHBOARD_PASSWORD_HASH": "", "AWS_REGION": "", "ERT_STATE_KEY": ""})
    assert (parts.agent, parts.dashboard) == ({}, {"ERT_DASHBOARD_PASSWORD_HASH": ""})
    with pytest.raises(BadSetting):
        read_access(parts.dashboard)


def test_variables_are_shared_out() -> None:
    given = {**AGENTS, **DASHBOARDS, **BOTH, "RENDER_EXTERNAL_HOSTNAME": "x", "LC_ALL": "C", "ERT_NOTIFY_URLS": ""}
    parts = shared(given)
    assert parts.agent == AGENTS
    assert parts.dashboard == {**DASHBOARDS, "RENDER_EXTERNAL_HOSTNAME": "x"}
    assert parts.both == {**BOTH, "LC_ALL": "C"}
    assert "planted" not in repr(parts)


@pytest.mark.parametrize(
    "name",
    [*(one.key for one in (*GPU_CLOUDS, *WEB_HOSTS)), STATE_KEY, f"{STATE_KEY}_OLD", NOTIFY_URLS, "VAST_ADMIN_API_KEY",
     "AWS_SECRET_ACCESS_KEY", "ERT_GATEWAY_BACKEND_KEY", "EXTERNAL_API_KEY", "ERT_REGISTRY_PASSWORD"],
)  # fmt: skip
def test_no_secret_of_ert_deploy_is_the_dashboards(name: str) -> None:
    assert shared({name: "secret"}).agent == {name: "secret"}


def test_a_neighbour_that_has_a_variable_of_the_agent_is_named(tmp_path: Path) -> None:
    for pid, text in (
        ("1", b"A=1\0VAST_API_KEY=x\0"),
        ("2", b"B=1\0"),
        ("3", b"VAST_API_KEY=\0"),
        ("self", b"VAST_API_KEY=x"),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_bytes(text)
        (tmp_path / pid / "comm").write_text("bash\n")
    (tmp_path / "4").mkdir()
    assert list(telling({"VAST_API_KEY", "OTHER"}, tmp_path)) == [
        "the dashboard can read VAST_API_KEY of process 1 (bash)"
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "0.0.0.0:1", "--beside", str(DASHBOARD)], "is reached from outside"),
        (["--beside", "/"], "has no dashboard"),
    ],
)
def test_what_could_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, options: list[str], said: str) -> None:
    monkeypatch.setenv("ERT_AGENT_KEY", "k" * 44)
    found = CliRunner().invoke(cli, ["agent", *options])
    assert isinstance(found.exception, UsageError)
    assert said in found.exception.summary


@pytest.mark.process
def test_each_has_its_own_variables_is_unreadable_for_the_other_and_starts_again(one: Service) -> None:
    agent, dashboard = written(one, "agent"), written(one, "dashboard")
    for found, own, others in ((agent, AGENTS, DASHBOARDS), (dashboard, DASHBOARDS, AGENTS)):
        assert found["environ"].items() >= {**own, **BOTH}.items()
        assert not others.keys() & found["environ"].keys()
    assert agent["shown"].strip("\0") == ""
    assert not [value for value in AGENTS.values() if value in dashboard["shown"]]
    looking = threading.Thread(target=lambda: seen.update(look(AGENTS["VAST_API_KEY"], 25, one.pids()[:1])))
    seen: dict[str, Any] = {}
    looking.start()
    os.kill(agent["pid"], signal.SIGKILL)
    later = written(one, "agent", other_than=agent)
    looking.join()
    assert (seen["found"], seen["read"] > 0) == ([], True)
    expected = sorted(f"{pid} {what}" for pid in one.pids() for what in ("environ", "fd/1", "maps", "mem"))
    assert look("planted", 1, one.pids())["refused"] == expected
    assert later["environ"] == agent["environ"]
    assert one.end() == 0
    assert len(one.started) == 4
    assert {"agent speaks", "dashboard speaks"} <= {*one.log().splitlines()}
    assert "planted" not in one.log()


@pytest.mark.process
def test_an_ordinary_process_of_the_same_user_can_be_read() -> None:
    with other("planted-other") as pid:
        assert look("planted-other", 1, [pid]) | {"read": 0} == {"found": [str(pid)], "refused": [], "read": 0}


@pytest.mark.nightly
@pytest.mark.process
def test_a_dashboard_that_was_killed_is_started_again(one: Service) -> None:
    before = written(one, "dashboard")
    os.kill(before["pid"], signal.SIGKILL)
    assert written(one, "dashboard", other_than=before)["environ"] == before["environ"]
    assert one.end() == 0


@pytest.mark.nightly
@pytest.mark.process
def test_both_end_with_the_manager(one: Service) -> None:
    written(one, "agent")
    written(one, "dashboard")
    assert one.end(signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.nightly
@pytest.mark.process
def test_a_dashboard_that_cannot_start_ends_the_service(tmp_path: Path) -> None:
    with stubs(tmp_path, {"ERT_DASHBOARD_DIE": "1", **AGENTS}, starts=1) as made:
        assert made.process.wait(30) == 1
        assert made.log().count("it cannot start") == 2
