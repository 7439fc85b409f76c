"""`sandbox record`: what it shows and keeps, that it only reads, and that contract tests replay a recording.

ERT_RECORDING names a recording from a real account that is replayed as well; no test makes one but of the sandbox.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from vastai import VastAI

from ert_deploy.adapters.recorder import PAUSE
from ert_deploy.cli import main
from ert_deploy.providers.vast.recording import NOBODY
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.world import World
from tests.support.contract.replay import differences
from tests.support.two_doubles import running
from tests.support.vast.world import GOOD

# The first one is made by the test.
RECORDINGS = ["", *filter(None, [os.environ.get("ERT_RECORDING", "")])]
ENV = {"BOOT_PASSWORD": "correct-horse-battery-staple"}
LABEL = "label-of-mine"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("place")) as made:
        assert made.file is not None
        sdk: Any = VastAI(api_key=made.file.vast_key, server_url=made.file.vast_url, retry=1)
        offer = sdk.search_offers(GOOD, order="dph_total", storage=40)[0]["id"]
        sdk.create_instance(id=offer, image="ghcr.io/mine/secret-image:1", disk=40, label=LABEL, env=ENV)
        yield made


@pytest.fixture
def folder(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty folder whose config names the running sandbox."""
    sample = (Path(__file__).resolve().parents[2] / "configs" / "sandbox.yaml").read_text()
    assert "world: .ert/sandbox " in sample
    (tmp_path / "mine.yaml").write_text(sample.replace("world: .ert/sandbox ", f"world: {world.directory} "))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "record", "-c", "mine.yaml", *args])
    return int(ended.value.code or 0)


def secrets_of(world: World) -> list[str]:
    """Return what must not be in a recording: keys, addresses, ids, names, variables, mail."""
    assert world.file is not None
    state = ask(world.file, "GET", "/state")
    (row,) = state["machines"]
    (service,) = state["services"]["services"]
    deploys = [one["id"] for one in service["deploys"]]
    own = [*ENV, *ENV.values(), LABEL, "secret-image", str(row["id"]), str(row["machine_id"]), row["jupyter_token"]]
    place = [world.file.service_id, world.file.service_name, "127.0.0.1", "localhost", *deploys, *service["env_keys"]]
    return [world.file.vast_key, world.file.render_key, *own, *place]


def test_it_is_shown_before_it_is_kept_and_names_nobody(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--yes", "--out", "mine.json") == 0
    text = (folder / "mine.json").read_text()
    assert capsys.readouterr().out == text
    assert stat.S_IMODE((folder / "mine.json").stat().st_mode) == 0o600
    words = set(text.replace('"', " ").split())
    assert [one for one in secrets_of(world) if one in text and (len(one) > 5 or one in words)] == []
    assert '"gpu_name": "RTX' in text
    assert '"dph_total": 0.' in text


def test_without_an_answer_nothing_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exchanges"]
    assert "this has to be confirmed" in shown.err
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]


def test_a_file_that_is_there_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "recording.json").write_text("mine")
    assert run("--yes") == 2
    assert "recording.json is there already; nothing was written" in capsys.readouterr().err
    assert (folder / "recording.json").read_text() == "mine"


def test_it_only_reads(world: World, folder: Path) -> None:
    assert world.file is not None
    before = ask(world.file, "GET", "/state")
    vast: Any = world._vast
    seen = vast.faults.seen
    seen.clear()
    assert run("--yes") == 0
    assert set(seen) <= {"user", "list", "search", "show"}
    after = ask(world.file, "GET", "/state")
    services = [state["services"]["services"] for state in (before, after)]
    assert services[0] == services[1]
    assert [row["id"] for row in before["machines"]] == [row["id"] for row in after["machines"]]


class Doubles:
    """Sends the calls of a recording to the two doubles."""

    def __init__(self, world: World) -> None:
        assert world.file is not None
        self.file = world.file
        self.instance = str(ask(self.file, "GET", "/state")["machines"][0]["id"])

    def ask(self, provider: str, method: str, template: str, body: Any) -> tuple[int, Any]:
        vast = provider == "vast"
        base, key = (self.file.vast_url, self.file.vast_key) if vast else (self.file.render_url, self.file.render_key)
        path = template.format(id=self.instance, missing=NOBODY, service=self.file.service_id)
        self.file.clock.sleep(PAUSE)
        answer = requests.request(
            method, base + path, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=10
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.mark.contract
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path or "of the sandbox")
def test_a_recording_is_replayed(world: World, folder: Path, recording: str) -> None:
    if not recording:
        assert run("--yes") == 0
    text = (folder / (recording or "recording.json")).read_text()
    assert list(differences(text, Doubles(world).ask)) == []


@pytest.mark.contract
def test_what_differs_in_a_recording_is_named(world: World, folder: Path) -> None:
    assert run("--yes") == 0
    recording = json.loads((folder / "recording.json").read_text())
    calls = {one["path_template"]: one for one in recording["exchanges"]}
    calls["/api/v0/users/current/"]["status"] = 401
    calls["/api/v0/bundles/"]["response_body"]["offers"][0] |= {"gpu_ram": "redacted", "new_field": 1}
    assert list(differences(json.dumps(recording), Doubles(world).ask)) == [
        "GET /api/v0/users/current/: status 401 was recorded, and the double answers 200",
        "POST /api/v0/bundles/: offers[].gpu_ram is text, and a number at the double",
        "POST /api/v0/bundles/: offers[].new_field is missing at the double",
    ]
    with pytest.raises(ValueError, match="the recording has version 2"):
        list(differences('{"version": 2}', Doubles(world).ask))
