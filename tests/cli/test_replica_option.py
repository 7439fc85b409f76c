"""Commands for one machine of several: which they choose, what `--replica` does, and that they say it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ert_deploy.adapters.backend.chat import Chat
from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.doctor import examine
from ert_deploy.app.doctor.examine import together
from ert_deploy.app.running import ask, connection, container_log, restart
from ert_deploy.app.running import logs as merged
from ert_deploy.app.running.logs import Source, Wanted
from ert_deploy.app.ssh import shell
from ert_deploy.cli.commands.running import connection as connection_command
from ert_deploy.core.diagnosis.cause import Repair
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import NeedsAttention, UsageError
from ert_deploy.core.model.machine.figures import Figures, LastReport
from ert_deploy.core.model.observed import Address, Health, Instance, OffSwitch, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from tests.support.certificates.ip_bound import pair
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, certificate, world

THREE = replace(WANTED, replicas=3)
PEM = pair().pem


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    monkeypatch.chdir(tmp_path)
    found = world()
    lifecycle.up(on_fakes(found, THREE))
    return found


def on(made: FakeWorld, desired: Desired = THREE) -> Deployment:
    return on_fakes(made, desired)


def of(made: FakeWorld, replica: int) -> InstanceId:
    """The instance of a replica, by its part of the state."""
    state = made.store.state
    part = state if replica == 1 else state.replicas[replica - 2]
    return part.records[0].id


def serve(monkeypatch: pytest.MonkeyPatch, made: FakeWorld, *replicas: int) -> None:
    """Let these replicas serve, and no other."""
    ports = {made.gpu.get_instance(of(made, one)).address for one in replicas}  # type: ignore[union-attr]
    monkeypatch.setattr(Chat, "serves", lambda chat: chat.address in ports)


def test_connection_has_every_replica_that_serves(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_names_ip", lambda *_: False)
    serve(monkeypatch, made, 1, 3)
    watcher = Watcher()
    found = connection.connections(on(made), progress=watcher)
    assert [one.replica for one in found] == [1, 3]
    assert watcher.notes == ["replica 2 is left out: it does not serve now"]
    assert [one.ca_file.name for one in found if one.ca_file] == ["ert-ca.pem", "ert.3-ca.pem"]
    assert len({one.url for one in found}) == len({one.key_name for one in found}) == 2
    assert "--replica 3 --header" in found[1].curl
    assert {one.server_name for one in found} == {"ert.ert.internal"}, "each has the name of the deployment"
    (second,) = connection.connections(on(made), replica=2)
    assert second.replica == 2
    assert connection.connection(on(made)).replica == 1


def test_connection_without_one_that_serves_says_what_helps(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, made)
    with pytest.raises(UsageError, match="no replica serves now") as error:
        connection.connections(on(made))
    assert "ert-deploy wake" in error.value.hint
    with pytest.raises(UsageError, match="ert has no replica 4") as error:
        connection.connections(on(made), replica=4)
    assert error.value.hint == "there are replicas 1 to 3"


def shown(monkeypatch: pytest.MonkeyPatch, made: FakeWorld, *args: str) -> tuple[Any, str]:
    monkeypatch.setattr(connection, "_names_ip", lambda *_: False)
    serve(monkeypatch, made, 1, 2)
    real = connection.connections
    monkeypatch.setattr(connection, "connections", lambda _, **named: real(on(made), **named))
    result = CliRunner().invoke(connection_command.command, list(args))
    return result.exception, result.stdout


def test_the_table_and_the_document_have_all_of_them(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    error, text = shown(monkeypatch, made)
    assert error is None
    assert [line for line in text.splitlines() if line.startswith("replica")] == ["replica  1", "replica  2"]
    assert text.count("URL ") == 2
    rows = json.loads(shown(monkeypatch, made, "--json")[1])["replicas"]
    assert [row["replica"] for row in rows] == [1, 2]
    one = json.loads(shown(monkeypatch, made, "--json", "--replica", "2")[1])
    assert one["url"] == rows[1]["url"]
    assert "replicas" not in one


def test_a_key_is_that_of_one_machine(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    error, text = shown(monkeypatch, made, "--show-key")
    assert isinstance(error, UsageError)
    assert error.hint == "--replica 1 is that of one"
    assert text == ""
    keys = {shown(monkeypatch, made, "--show-key", "--replica", one)[1] for one in "123"}
    assert len(keys) == 3


def test_ask_takes_any_that_serves(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, made, 2, 3)
    watcher = Watcher()
    chat = ask.chat(on(made), progress=watcher)
    assert isinstance(chat, Chat)
    assert chat.address == made.gpu.get_instance(of(made, 2)).address  # type: ignore[union-attr]
    assert chat.deployment == "ert", "its certificate has the name of the deployment"
    assert watcher.notes == ["replica 2 is used"]
    serve(monkeypatch, made)
    first = ask.chat(on(made))
    assert isinstance(first, Chat)
    assert first.address == made.gpu.get_instance(of(made, 1)).address  # type: ignore[union-attr]
    made.web.services["dash"].env.clear()
    with pytest.raises(UsageError, match="uses no backend now"):
        ask.chat(on(made))


def test_what_cannot_be_reached_does_not_serve() -> None:
    away = Chat(Address("127.0.0.1", 9), PEM, Secret("k"), "ert", "m", 1.0, allow_loopback=True)
    assert not away.serves()
    assert not replace(away, allow_loopback=False).serves()


@pytest.mark.parametrize("replica", [1, 2, 3])
def test_logs_are_those_of_the_replica(made: FakeWorld, replica: int) -> None:
    watcher = Watcher()
    log = container_log.logs(on(made), replica=replica, progress=watcher)
    assert log.instance == of(made, replica)
    assert watcher.notes == [f"replica {replica} is used: instance {log.instance}"]
    noted = Watcher()
    wanted = Wanted(frozenset({Source.ENGINE, Source.GUARD, Source.BACKEND}), replica=replica)
    list(merged.log_lines(on(made), wanted, progress=noted))
    assert f"replica {replica} is used: instance {log.instance}" in noted.notes
    with pytest.raises(UsageError, match="is not one of ert"):
        container_log.logs(on(made), replica=replica, instance=of(made, replica % 3 + 1))


def test_of_a_single_machine_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    alone, watcher = world(), Watcher()
    lifecycle.up(on_fakes(alone))
    assert container_log.logs(on_fakes(alone), replica=1, progress=watcher).instance == alone.gpu.only().id
    assert watcher.notes == []
    with pytest.raises(UsageError) as error:
        container_log.logs(on_fakes(alone), replica=2)
    assert error.value.hint == "there is replica 1 alone"


def agreed(_: Instance) -> bool:
    return True


def test_restart_checks_the_certificate_of_the_replica(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    monkeypatch.setattr(restart, "ENDS_WITHIN", 0.0)
    done = restart.restart(on(made), replica=2, confirm=agreed, progress=watcher)
    assert done is not None
    assert made.gpu.restarted == [done.instance] == [of(made, 2)]
    assert watcher.notes == [f"replica 2 is used: instance {done.instance}"]
    other = PEM
    monkeypatch.setattr(made.backend, "probe", lambda *_: Health(Vital.HEALTHY, certificate=other))
    with pytest.raises(NeedsAttention, match="has another certificate"):
        restart.restart(on(made), replica=2, confirm=agreed)


def test_a_shell_is_that_of_the_replica(made: FakeWorld) -> None:
    for one in made.gpu.instances.values():
        one.override = lambda shown: replace(shown, shell=Address("203.0.113.9", 22))
    open_one = replace(THREE, launch=replace(THREE.launch, debug_ssh=True))
    watcher = Watcher()
    for replica in (1, 2, 3):
        assert shell(on(made, open_one), replica=replica, progress=watcher).instance == of(made, replica)
    assert watcher.notes == [f"replica {one} is used: instance {of(made, one)}" for one in (1, 2, 3)]


def test_doctor_looks_at_all_and_names_the_replica(made: FakeWorld) -> None:
    for one in made.gpu.instances.values():
        one.health = Health(
            Vital.HEALTHY, certificate=certificate(one.order.mark.token), model=THREE.launch.model,
            engine="ollama 0.35.0", off_switch=OffSwitch.PROVEN, limits=one.limits,
        )  # fmt: skip
    made.backend.reported = Figures(claimed=True, last=LastReport(True, "", 5.0))
    assert [cause.seen for cause in examine.doctor(on(made)).causes if not cause.wanted] == []
    made.web.services["dash"].env["ERT_LLM_API_KEY_2"] = Secret("another-key-0123456789abcdefgh")
    found = examine.doctor(on(made))
    named = [cause.seen for cause in found.causes if not cause.wanted]
    assert named
    assert all(text.startswith("replica 2: ") for text in named), named
    assert found.exit_code == 6


def test_fix_repairs_the_replica_that_needs_it_while_another_is_asleep(made: FakeWorld) -> None:
    lifecycle.sleep(on(made), only=frozenset({3}))
    made.web.services["dash"].env.pop("ERT_LLM_CONFIG_FINGERPRINT_2")
    fixed = examine.fix(on(made))
    assert fixed
    assert {cause.repair for cause in fixed} == {Repair.WRITE}
    assert "ERT_LLM_CONFIG_FINGERPRINT_2" in made.web.services["dash"].env
    assert len(made.gpu.running()) == 2


def test_what_all_have_is_said_once(made: FakeWorld) -> None:
    one = examine.doctor(on(made))
    cause = replace(one.causes[0], rank=1) if one.causes else None
    assert together([replace(one, causes=(cause,) if cause else ())] * 3).causes == ((cause,) if cause else ())
    assert together([replace(one, refused=""), replace(one, refused="why")]).refused == "replica 2: why"
