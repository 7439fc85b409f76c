"""A session wants what its config says, on the cloud that its provider is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ert_deploy.app.deployment import SILENT
from ert_deploy.config import parse
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.provider import Cloud, Platform
from ert_deploy.core.redaction import clean
from ert_deploy.wiring import assemble

CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: dash}]}
"""
CLOUD = Cloud(keeps_disk=False, bids=False)
PLATFORM = Platform("Elsewhere", "elsewhere/services")


def test_planning_is_told_what_the_provider_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = SimpleNamespace(gpu=SimpleNamespace(cloud=CLOUD), web=SimpleNamespace(platform=PLATFORM))
    monkeypatch.setattr("ert_deploy.wiring._ports", lambda *_: ports)
    settings = parse(CONFIG, Path("c.yaml"))
    session = assemble(settings, SILENT, None, gpu=False, web=False)
    assert session.desired.cloud is CLOUD
    assert session.desired.platform is PLATFORM


def test_a_secret_variable_is_read_from_its_source_and_masked_in_all_output(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = SimpleNamespace(gpu=SimpleNamespace(cloud=CLOUD), web=SimpleNamespace(platform=PLATFORM))
    monkeypatch.setattr("ert_deploy.wiring._ports", lambda *_: ports)
    monkeypatch.setenv("ERT_ENV_HUB", "canary-of-the-hub-4711")
    given = CONFIG.replace('"gpt-oss:20b"', '"gpt-oss:20b", env: [HUB=env:ERT_ENV_HUB]')
    session = assemble(parse(given, Path("c.yaml")), SILENT, None, gpu=False, web=False)
    env = session.desired.container_env("t", "h", "b")
    assert env["HUB"] == "canary-of-the-hub-4711"
    assert clean(f"the host says {env['HUB']}") == "the host says ***"


def test_the_secret_of_the_machines_keys_is_read_and_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = SimpleNamespace(gpu=SimpleNamespace(cloud=CLOUD), web=SimpleNamespace(platform=PLATFORM))
    monkeypatch.setattr("ert_deploy.wiring._ports", lambda *_: ports)
    settings = parse(CONFIG, Path("c.yaml"))
    assert assemble(settings, SILENT, None, gpu=False, web=False).desired.machine_secret is None
    monkeypatch.setenv("ERT_MACHINE_SECRET", "canary-of-all-machines-0815-4711")
    given = assemble(settings, SILENT, None, gpu=False, web=False).desired.machine_secret
    assert given is not None
    assert clean(f"derived with {given.reveal()}") == "derived with ***"
    monkeypatch.setenv("ERT_MACHINE_SECRET", "canary-of-few-machines-0815")
    with pytest.raises(UsageError, match="ERT_MACHINE_SECRET is shorter than 32 characters"):
        assemble(settings, SILENT, None, gpu=False, web=False)
