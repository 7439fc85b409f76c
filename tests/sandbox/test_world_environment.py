"""The environment of the sandbox's daemon: nothing of its caller's that could be a key."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.file import WorldError

SECRETS = {
    "VAST_API_KEY": "a-canary-1",
    "RENDER_API_KEY": "a-canary-2",
    "AWS_SECRET_ACCESS_KEY": "a-canary-3",
    "ERT_REGISTRY_PASSWORD": "a-canary-4",
    "PIP_INDEX_URL": "https://me:a-canary-5@registry.example/simple",
    "HTTPS_PROXY": "http://me:a-canary-6@proxy.example",
    "PYTHON_KEYRING_TOKEN": "a-canary-7",
}


def test_the_daemon_gets_no_secret_and_all_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen = tmp_path / "seen.json"
    code = "import json, os, sys, ert_deploy.sandbox; json.dump(dict(os.environ), open(sys.argv[1], 'w')); sys.exit(9)"
    with pytest.raises(WorldError, match="exit code 9"):
        daemon.start(tmp_path / "world", command=[sys.executable, "-c", code, str(seen)])
    environment = json.loads(seen.read_text())
    assert "canary" not in json.dumps(environment)
    assert not SECRETS.keys() & environment.keys()
    assert environment["XDG_CACHE_HOME"] == str(tmp_path / "cache")
    assert {"PATH", "HOME", "PYTHONPATH"} <= environment.keys()


def test_a_model_that_cannot_be_had_here_is_not_asked_for_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon has neither an index nor a proxy to download it with, and would wait for minutes."""
    asked: list[str] = []

    class Toy:
        is_toy = True

    def command(_directory: Path, _speed: float, model: str) -> list[str]:
        asked.append(model)
        return [sys.executable, "-c", "raise SystemExit(9)"]

    monkeypatch.setattr(daemon, "ensure_model", lambda _cache: Toy())
    monkeypatch.setattr(daemon, "foreground_command", command)
    with pytest.raises(WorldError, match="exit code 9"):
        daemon.start(tmp_path / "world")
    assert asked == ["toy"]
