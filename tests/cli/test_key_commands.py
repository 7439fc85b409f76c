"""`ert-deploy key generate|list|revoke`, and `python -m ert_deploy.keys`: formats, fingerprints, times, errors."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import up
from ert_deploy.app.rotate import revoke, rotate
from ert_deploy.app.running.keys import accepted_keys
from ert_deploy.cli import main
from ert_deploy.core.model.errors import CannotObserve, UsageError
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

LINES = re.compile(r"API key  (ert-[A-Za-z0-9_-]{32})\nSHA-256  ([0-9a-f]{64})\n")


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["key", *words])
    return int(ended.value.code or 0)


def test_a_key_is_generated_with_its_hash_and_never_twice(capfdbinary: Any) -> None:
    made = set()
    for _ in range(3):
        assert run("generate") == 0
        found = LINES.fullmatch(capfdbinary.readouterr().out.decode())
        assert found is not None
        assert hashlib.sha256(found[1].encode()).hexdigest() == found[2]
        made.add(found[1])
    assert len(made) == 3


def test_the_module_does_the_same_without_the_command_line(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-m", "ert_deploy.keys"]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert LINES.fullmatch(done.stdout)


@pytest.fixture
def made() -> FakeWorld:
    return world()


@pytest.fixture
def deployment(made: FakeWorld) -> Deployment:
    found = on_fakes(made)
    up(found)
    return found


def test_a_key_is_listed_by_its_fingerprint_with_its_app_and_date(made: FakeWorld, deployment: Deployment) -> None:
    key = made.web.services["dash"].env[WANTED.targets[0].names.key]
    (first,) = accepted_keys(deployment)
    assert (first.instance, first.name, first.app) == (made.gpu.only().id, key.sha256()[:8], "dash")
    made.clock.sleep(1000)
    rotate(deployment)
    (second,) = accepted_keys(deployment)
    assert second.name != first.name
    assert second.since > first.since + 900
    assert key.reveal() not in repr((first, second))


def test_an_app_that_cannot_be_read_is_noted(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> Any:
        raise CannotObserve("Render does not respond")

    monkeypatch.setattr(made.web, "read_env", away)
    watcher = Watcher()
    (one,) = accepted_keys(deployment, progress=watcher)
    assert one.app == ""
    assert watcher.notes == ["the key of dash could not be read: Render does not respond"]


def test_a_revoked_key_is_accepted_no_more(made: FakeWorld, deployment: Deployment) -> None:
    (before,) = accepted_keys(deployment)
    for name, part in [("0" * 8, "accepts key 00000000"), ("nothing", "is no fingerprint")]:
        with pytest.raises(UsageError, match=part):
            revoke(name, deployment)
    done = revoke(before.name.upper(), deployment)
    assert (done.before, done.after) == (before.name, accepted_keys(deployment)[0].name)
    with pytest.raises(UsageError, match="accepts key"):
        revoke(before.name, deployment)


@pytest.fixture
def at_hand(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("running.keys", "rotate"):
        monkeypatch.setattr(f"ert_deploy.app.{module}.opened", lambda found: found or deployment)


@pytest.mark.usefixtures("at_hand")
def test_the_commands_have_lines_and_json(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["keys"]
    assert run("list") == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{one['key']}  instance {one['instance']}  since ")
    assert line.endswith("  dash\n")
    assert run("revoke", one["key"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["key"]["before"] == one["key"]
    assert run("list") == 0
    (after,) = capsys.readouterr().out.splitlines()
    assert run("revoke", after[:8]) == 0
    assert f"key {after[:8]} is no longer valid" in capsys.readouterr().out


def test_without_a_backend_there_is_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    empty: Callable[[object], Deployment] = lambda _: on_fakes(world())  # noqa: E731
    monkeypatch.setattr("ert_deploy.app.running.keys.opened", empty)
    assert run("list") == 0
    assert "no backend accepts a key" in capsys.readouterr().err
