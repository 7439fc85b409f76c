"""Every command calls its function of the application layer, and reads its config once."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from ert_deploy.app.project import Draft
from ert_deploy.app.reap import Strays
from ert_deploy.cli import cli, main
from ert_deploy.config import load as really_load
from ert_deploy.engine.reap import Found
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.support.fakes.loopback import world
from tests.support.situations import instance

# The command with its arguments -> its function.
CALLS = {
    "adopt 7 --yes": "decide.adopt",
    "ask hello": "running.ask.chat",
    "connection": "running.connection.connections",
    "cost": "running.cost.cost",
    "cost advise": "idle.advise.advise_idle",
    "destroy i-0f3a --yes": "decide.destroy",
    "down": "lifecycle.down",
    "events": "running.events.events",
    "exec true": "ssh.shell",
    "ignore 7 --yes": "decide.ignore",
    "image build": "images.build_image",
    "image push": "images.push_image",
    "init --defaults": "project.draft_project",
    "key list": "running.keys.accepted_keys",
    "key revoke 0123abcd": "rotate.revoke",
    "key rotate": "rotate.rotate",
    "key vast": "running.provider_key.replace_provider_key",
    "logs": "running.container_log.logs",
    "notify test": "notify.trial.notify_test",
    "offers": "offers.offers",
    "plan": "look.plan",
    "proxy": "running.proxy.write_proxy",
    "reap": "reap.find_strays",
    "render-yaml": "project.render_yaml",
    "report AAPL": "report.report",
    "restart --yes": "running.restart.restart",
    "sandbox break": "sandbox.troubles",
    "sandbox record --yes": "sandbox.record",
    "sandbox start": "sandbox.start",
    "sandbox status": "sandbox.status",
    "sandbox stop": "sandbox.stop",
    "sleep": "lifecycle.sleep",
    "slo --prometheus http://127.0.0.1:9": "objectives.slo.slo",
    "ssh true": "ssh.shell",
    "state history": "state.history",
    "state lock": "state.lock",
    "state rebuild": "state.rebuild",
    "state show": "state.show",
    "state sign": "state.sign",
    "state unlock": "state.unlock",
    "status": "status.read.own_status",
    "doctor": "doctor.examine.doctor",
    "up": "lifecycle.up",
    "wake": "lifecycle.wake",
}
CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: dash}]}
"""
WITHOUT_FUNCTION = {"completion", "key generate", "agent"}  # no config, or no single function: see tests/agent
READ_FROM_THE_FILE_ALONE = {words for words in CALLS if words.startswith(("init", "render-yaml", "sandbox", "slo"))} - {
    "sandbox record --yes"
}


class Called(Exception):
    """Raised by the patched function, with its arguments."""


def leaves(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the full name of every command that is not a group, or that does something without another one."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                if command.invoke_without_command:
                    yield " ".join((*before, name))
                yield from leaves(command, (*before, name))
            else:
                yield " ".join((*before, name))


def watch(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Replace the function by one that raises Called."""

    def called(*args: Any, **options: Any) -> None:
        raise Called(function, args, options)

    module, _, name = function.rpartition(".")
    monkeypatch.setattr(importlib.import_module(f"ert_deploy.app.{module}"), name, called)


def test_every_command_is_in_the_table() -> None:
    found = set(leaves(cli))
    assert len(found) == len(CALLS) + len(WITHOUT_FUNCTION)
    found -= WITHOUT_FUNCTION
    assert {name for name in found if not any(f"{words} ".startswith(f"{name} ") for words in CALLS)} == set()


@pytest.mark.parametrize(("words", "function"), CALLS.items())
def test_every_command_calls_its_function(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, function: str
) -> None:
    monkeypatch.chdir(tmp_path)
    watch(monkeypatch, function)
    with pytest.raises(Called) as call:
        cli.main(words.split(), standalone_mode=False)
    assert call.value.args[0] == function
    assert list(tmp_path.iterdir()) == []


def test_break_with_a_kind_switches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, "sandbox.switch_trouble")
    with pytest.raises(Called) as call:
        cli.main(["sandbox", "break", "flap", "--set", "every=5", "--set", "status=offline"], standalone_mode=False)
    assert call.value.args[1:] == (("flap", {"every": 5, "status": "offline"}), {"off": False, "config": None})


def test_reap_destroys_by_its_function_what_it_has_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    strays = Strays({"ert": Found((instance(7),), blank=False)})
    monkeypatch.setattr("ert_deploy.app.reap.find_strays", lambda *_, **__: strays)
    watch(monkeypatch, "reap.reap")
    with pytest.raises(Called) as call:
        cli.main(["reap", "--yes"], standalone_mode=False)
    assert call.value.args[1] == (strays,)


def test_init_writes_by_its_function_what_it_has_drafted(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft({Path("configs/ert.yaml"): ""}, {}, placeholder=False)
    monkeypatch.setattr("ert_deploy.app.project.draft_project", lambda *_, **__: draft)
    watch(monkeypatch, "project.write_project")
    with pytest.raises(Called) as call:
        cli.main(["init", "--defaults", "--force"], standalone_mode=False)
    assert call.value.args[1:] == ((draft,), {"force": True})


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Change to a directory with the config `mine.yaml`, with in-memory ports; return the list of configs read."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    found: list[Path] = []

    def load(path: Path, **options: Any) -> Any:
        found.append(path)
        return really_load(path, **options)

    def assemble(settings: Any, audience: Audience, *_: object, **__: object) -> Session:
        return Session(settings, settings.desired, replace(world().ports, audience=audience))

    monkeypatch.setattr("ert_deploy.app.deployment.load", load)
    monkeypatch.setattr("ert_deploy.app.deployment.assemble", assemble)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    return found


@pytest.mark.parametrize("words", sorted(CALLS.keys() - READ_FROM_THE_FILE_ALONE))
def test_a_command_reads_its_config_once(read: list[Path], words: str) -> None:
    """Whatever the outcome: a second read could see a different config."""
    with pytest.raises(SystemExit):
        main([*words.split(), "-c", "mine.yaml"])
    assert read == [Path("mine.yaml")]


@pytest.mark.parametrize(
    ("words", "code"), [("plan", 0), ("plan --exit-code", 4), ("plan --down --exit-code", 0), ("up", 0), ("status", 0)]
)
def test_a_plan_with_something_to_do_exits_with_4_where_that_is_asked(read: list[Path], words: str, code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "-c", "mine.yaml"])
    assert ended.value.code == code
