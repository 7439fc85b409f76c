"""`proxy --follow`: the files are renewed when the app's variables change, and a running HAProxy is told once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.haproxy import reload
from ert_deploy.app import lifecycle
from ert_deploy.app.running import proxy
from ert_deploy.cli import cli
from ert_deploy.core.model.errors import CannotObserve, UsageError
from tests.support.certificates.self_signed import certificate
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

TWO = replace(WANTED, replicas=2)
KEY = "ERT_LLM_API_KEY_2"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    """Return two replicas that the app uses, with certificates that are some."""
    monkeypatch.chdir(tmp_path)
    found = world()
    lifecycle.up(on_fakes(found, TWO))
    env = found.web.services["dash"].env
    pem = certificate()[0]
    env.update({name: type(value)(pem) for name, value in env.items() if name.startswith("ERT_LLM_CA_CERT")})
    return found


def after_each(monkeypatch: pytest.MonkeyPatch, *changes: Callable[[], object]) -> None:
    """Make each change in place of a pause; the look after the last one is interrupted."""
    left = iter(changes)

    def sleep(_clock: RealClock, seconds: float) -> None:
        assert seconds == proxy.PAUSE
        change = next(left, None)
        if change is None:
            raise KeyboardInterrupt
        change()

    monkeypatch.setattr(RealClock, "sleep", sleep)


def listening(path: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.bind(str(path))
    found.listen()
    return found


def test_a_changed_key_is_written_and_what_cannot_be_read_changes_nothing(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env, keys = made.web.services["dash"].env, tmp_path / "p" / "keys.map"
    changed = type(env[KEY])("ert-another-key-0123456789")

    def unread(operation: str) -> None:
        raise CannotObserve("no network")

    def fails() -> None:
        made.web.faults.chance = unread

    def rotated() -> None:
        made.web.faults.chance = lambda _operation: None
        env[KEY] = changed

    after_each(monkeypatch, fails, fails, rotated, lambda: env.pop(KEY))
    watcher = Watcher()
    looks = proxy.follow_proxy(on_fakes(made, TWO), port=8080, folder=tmp_path / "p", progress=watcher)
    first = next(looks)
    assert [number for number, _ in first.servers] == [1, 2]
    assert (changed.reveal() in keys.read_text(), first.reloaded) == (False, False)
    second = next(looks)
    assert second.servers == first.servers
    assert f"2 {changed.reveal()}\n" in keys.read_text()
    assert watcher.notes == ["the files stay as they are: no network"]
    assert [number for number, _ in next(looks).servers] == [1]
    assert watcher.notes[1:] == ["replica 2 is left out: dash uses no backend now"]
    with pytest.raises(KeyboardInterrupt):
        next(looks)


def test_without_a_backend_it_does_not_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="uses no backend now"):
        next(proxy.follow_proxy(on_fakes(world(), TWO), folder=tmp_path / "p"))


def test_one_command_reaches_the_process_that_listens_and_none_that_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "master.sock"
    assert not reload(path)
    told: list[bytes] = []

    def master(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            told.append(connection.recv(100))

    with listening(path) as listener:
        thread = threading.Thread(target=master, args=(listener,))
        thread.start()
        assert reload(path)
        thread.join()
    assert told == [b"reload\n"]
    assert not reload(path), "the socket is there, and nothing listens"


def test_the_command_shows_each_change_and_ends_well_when_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = proxy.Written(tmp_path / "haproxy.cfg", "http://127.0.0.1:8080/v1", ((1, "https://192.0.2.7:8443"),))

    def looks(*_: object, **__: object) -> Iterator[proxy.Written]:
        yield written
        yield replace(written, reloaded=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(proxy, "follow_proxy", looks)
    done = CliRunner().invoke(cli, ["proxy", "--follow"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"file     {tmp_path}/haproxy.cfg",
        "machine  https://192.0.2.7:8443  replica 1",
        f"start    haproxy -W -S {tmp_path}/master.sock,mode,600 -f {tmp_path}/haproxy.cfg",
        "URL      http://127.0.0.1:8080/v1",
        "reload   no HAProxy listens at the socket of the line `start`",
        "renewed  https://192.0.2.7:8443 (replica 1)",
        "reload   HAProxy reads them",
    ]
    assert CliRunner().invoke(cli, ["proxy", "--follow", "--json"]).exit_code == 2
