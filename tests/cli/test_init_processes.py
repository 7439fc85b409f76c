"""`init` for several processes of the dashboard: what they share is in the config and in the Blueprint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ert_deploy.cli import main
from ert_deploy.config import load
from ert_deploy.config.settings import PostgresState

OWN = ("--image", "ghcr.io/me/ert-llm-backend:0.1.0")


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", "mine", "--defaults", *OWN, *words])
    return int(ended.value.code or 0)


def test_several_processes_of_the_dashboard_get_what_they_share() -> None:
    assert run("--instances", "3", "--deployment", "mine") == 0
    (how,) = load(Path("configs/mine.yaml")).blueprints
    assert (how.instances, how.database, how.key_value) == (3, "mine-reports", "mine-live")
    made = yaml.safe_load(Path("render.yaml").read_text())
    assert [row["type"] for row in made["services"]] == ["web", "keyvalue"]
    assert [row["name"] for row in made["databases"]] == ["mine-reports"]
    assert run("--force") == 0
    assert load(Path("configs/mine.yaml")).blueprints == (how,)  # an earlier config gives the defaults


def test_another_app_says_itself_what_its_processes_share() -> None:
    assert run("--instances", "2", "--root", ".", "--start", "npm start") == 0
    (how,) = load(Path("configs/mine.yaml")).blueprints
    assert (how.instances, how.database, how.key_value) == (2, None, None)


def test_an_agent_gets_a_state_that_it_sees_too() -> None:
    assert run("--agent", "mine-agent") == 0
    settings = load(Path("configs/mine.yaml"))
    assert (settings.agent.name, settings.state) == ("mine-agent", PostgresState("ERT_STATE_DATABASE_URL"))
    made = yaml.safe_load(Path("render.yaml").read_text())
    assert [(row["type"], row["name"]) for row in made["services"]][1:] == [("pserv", "mine-agent")]
    assert run("--force") == 0
    assert load(Path("configs/mine.yaml")) == settings  # an earlier config gives the defaults


def test_a_state_elsewhere_is_never_moved(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    config = Path("configs/mine.yaml")
    config.write_text(config.read_text() + "state: mine.json\n")
    assert run("--force", "--agent", "mine-agent") == 2
    assert "write state: postgres" in capsys.readouterr().err
    assert "state: mine.json" in config.read_text()


def test_no_agent_for_a_server_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    external = ("--url", "https://llm.example.org", "--model", "m", "--agent", "mine-agent")
    with pytest.raises(SystemExit) as ended:
        main(["init", "mine", "--defaults", *external])
    assert ended.value.code == 2
    assert "--agent is not a setting of" in capsys.readouterr().err


def test_one_process_needs_nothing() -> None:
    assert run() == 0
    assert "instances" not in Path("configs/mine.yaml").read_text()
    assert run("--instances", "0") == 2
