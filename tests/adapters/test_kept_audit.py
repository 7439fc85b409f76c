"""Audit log of a machine: read before it is destroyed, kept in private and bounded, and never in the way of that."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_backend.edge.audit import FILE, MOST_LINES, NEWEST, Audit, verify
from ert_deploy.adapters.audit.host import AuditedHost
from ert_deploy.adapters.audit.shelf import MOST_BYTES, MOST_FILES, AuditShelf
from ert_deploy.adapters.backend.audit import newest
from ert_deploy.config.settings import S3Object, SandboxSettings, audit_folder
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import Rejected, Transient
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Address, Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.run import methods
from ert_deploy.ports import GpuHost
from ert_deploy.stores import with_audit
from tests.support.backend.rig import SECRET, running
from tests.support.backend.served import MARK
from tests.support.doubles.scripted_ollama import ScriptedOllama
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import up
from tests.support.fakes.loopback import FakeWorld, Listener, world


class Asked:
    """Reader of audit logs that returns or raises `says`."""

    def __init__(self, says: Any = ("one", "two")) -> None:
        self.says = says
        self.of: list[str] = []

    def __call__(self, instance: Instance) -> tuple[str, ...]:
        self.of.append(instance.id)
        if isinstance(self.says, Exception):
            raise self.says
        lines: tuple[str, ...] = self.says
        return lines


def told(heard: Listener) -> list[Trouble]:
    return [event for event in heard.events if isinstance(event, Trouble)]


@pytest.fixture
def made() -> FakeWorld:
    found = world()
    up(found)
    return found


def audited(made: FakeWorld, asked: Asked, folder: Path, heard: Listener) -> AuditedHost:
    return AuditedHost(made.gpu, asked, AuditShelf(folder), heard)


def test_it_is_read_once_before_the_machine_is_destroyed(made: FakeWorld, tmp_path: Path) -> None:
    asked, number, folder = Asked(), made.gpu.only().id, tmp_path / "ert.audit"
    host = audited(made, asked, folder, Listener())
    host.destroy(InstanceId("77"))
    host.list_instances()
    host.destroy(number)
    host.destroy(number)
    assert asked.of == [number]
    kept = folder / f"{number}.jsonl"
    assert kept.read_text() == "one\ntwo\n"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, kept)] == [0o700, 0o600]
    assert made.gpu.paid() == ()


@pytest.mark.parametrize("error", [Transient("no connection"), Rejected("an older image"), OSError(28, "No space")])
def test_what_cannot_be_read_or_kept_is_reported_and_the_machine_is_destroyed(
    made: FakeWorld, tmp_path: Path, error: Exception
) -> None:
    number, heard = made.gpu.only().id, Listener()
    host = audited(made, Asked(error), tmp_path, heard)
    host.list_instances()
    host.destroy(number)
    assert made.gpu.paid() == ()
    (trouble,) = told(heard)
    assert trouble.what == f"the audit log of instance {number} was not kept"


@pytest.mark.parametrize("change", [{"address": None}, {"mark": None}, "stopped"])
def test_a_machine_that_cannot_be_asked_is_not_asked(made: FakeWorld, tmp_path: Path, change: Any) -> None:
    asked = Asked()
    if change == "stopped":
        made.gpu.stop(made.gpu.only().id)
        made.clock.sleep(300)
    host = audited(made, asked, tmp_path, Listener())
    (row,) = host.list_instances()
    if change != "stopped":
        host._listed = {row.id: replace(row, **change)}
    host.destroy(row.id)
    assert asked.of == []


def test_every_other_call_is_the_host_s_own(tmp_path: Path) -> None:
    class Host:
        cloud = "a cloud"

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **named: (name, args, named)

    host = AuditedHost(Host(), Asked(), AuditShelf(tmp_path), Listener())  # type: ignore[arg-type]
    assert str(host.cloud) == "a cloud"
    given = {"search": (1, 2), "quote": (1, 2)}
    empty = {"account", "account_variables", "date"}
    for method in methods(GpuHost):
        name = method.__name__
        if name not in ("destroy", "list_instances"):
            args = () if name in empty else given.get(name, (1, 2) if name == "logs" else (1,))
            said = getattr(host, name)(*args)
            assert said is None or said[:2] == (name, args), name


def test_no_secret_and_no_control_character_is_kept(tmp_path: Path) -> None:
    redaction.hold("the-secret-of-a-machine")
    AuditShelf(tmp_path).keep(InstanceId("5"), ("the-secret-of-a-machine", "\x1b[2Jred"))
    assert (tmp_path / "5.jsonl").read_text().splitlines()[1] == "red"
    assert "secret-of" not in (tmp_path / "5.jsonl").read_text()


def test_files_and_their_number_are_bounded(tmp_path: Path) -> None:
    shelf = AuditShelf(tmp_path)
    shelf.keep(InstanceId("../x"), ("a" * MOST_BYTES, "last"))
    assert (tmp_path / "___x.jsonl").read_text() == "last\n"
    for number in range(MOST_FILES + 3):
        shelf.keep(InstanceId(str(number)), ("line",))
        os.utime(tmp_path / f"{number}.jsonl", (number, number))
    kept = {path.stem for path in tmp_path.iterdir()}
    assert len(kept) == MOST_FILES
    assert {"0", "1"}.isdisjoint(kept)


def test_the_newest_lines_of_a_backend_are_those_of_its_file_and_are_bounded(tmp_path: Path) -> None:
    audit = Audit(tmp_path, 1_000_000)
    for number in range(3 * MOST_LINES):
        audit.record("-", "POST /reports", 202, note="x" * (number % 7))
    lines = (tmp_path / FILE).read_text().splitlines()
    again = Audit(tmp_path, 1_000_000)
    assert list(again.newest) == list(audit.newest) == lines[-len(audit.newest) :]
    assert 100 < len(audit.newest) <= MOST_LINES
    audit.record("-", "x", 200, note="y" * NEWEST)
    assert not audit.newest


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (200, b'{"newest": [1]}'), (200, b"no JSON"), (404, b"{}")])
def test_an_older_image_and_nonsense_have_no_lines(status: int, body: bytes) -> None:
    with pytest.raises((Rejected, Transient)):
        newest(status, body)


def test_the_lines_of_the_real_backend_are_kept_unchanged(made: FakeWorld, tmp_path: Path) -> None:
    heard, (row,) = Listener(), made.gpu.list_instances()
    settings = replace(on_fakes(made).settings, state=tmp_path / "ert.json", sandbox=SandboxSettings(tmp_path))
    with ScriptedOllama() as ollama, running(tmp_path, ollama.host) as app:
        here = replace(row, address=Address("127.0.0.1", app.port), boot_secret=Secret(SECRET), mark=MARK)
        made.gpu.list_instances = lambda: (here,)  # type: ignore[method-assign]
        host = with_audit(settings, made.gpu, heard)
        host.list_instances()
        host.destroy(row.id)
        other = replace(here, id=InstanceId("9"), boot_secret=Secret("00" * 32))
        made.gpu.list_instances = lambda: (other,)  # type: ignore[method-assign]
        host.list_instances()
        host.destroy(other.id)
    kept = tmp_path / "ert.audit" / f"{row.id}.jsonl"
    assert json.loads(kept.read_text().splitlines()[0])["outcome"] == "started"
    assert verify([kept])[0] >= 1
    (trouble,) = told(heard)
    assert (trouble.what, "identity" in trouble.why) == ("the audit log of instance 9 was not kept", True)


def test_the_folder_is_beside_the_state() -> None:
    settings = on_fakes(world()).settings
    assert audit_folder(settings) == Path(".ert/ert.audit")
    assert audit_folder(replace(settings, state=Path("/srv/states/mine"))) == Path("/srv/states/mine.audit")
    assert audit_folder(replace(settings, state=S3Object("bucket", "key.json"))) == Path(".ert/ert.audit")
