"""A GPU cloud without a key: nothing is claimed of it as soon as the state knows of anything there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.no_cloud import NoCloud
from ert_deploy.adapters.state.ephemeral import StateNowhere
from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import SILENT
from ert_deploy.config import parse
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.errors import CannotObserve, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, State, Tombstone
from ert_deploy.ports import GpuHost
from ert_deploy.wiring import assemble
from tests.config.test_external_server import RENTED, SHORTEST
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, served, up
from tests.support.fakes.loopback import world
from tests.support.ids import nth

SERVER = External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY", Secret("sk-1"))
THERE = replace(WANTED, external=SERVER)


def cloud(state: State | None = None) -> NoCloud:
    store = StateNowhere("ert")
    if state is not None:
        store.save(state)
    return NoCloud("Vast.ai", "VAST_API_KEY", store)


KNOWN = {
    f"instance {nth(5)}": State("ert", records=(InstanceRecord("t" * 32, nth(5), "m", 1.0),)),
    "1 create call": State("ert", intents=(Intent("t" * 32, 1.0, "o", "m"),)),
    f"instance {nth(6)}": State("ert", tombstones=(Tombstone("t" * 32, nth(6), 1.0, "replaced"),)),
}


def test_with_an_empty_state_there_is_nothing() -> None:
    assert cloud().list_instances() == ()
    assert cloud(State("ert", account="a-1")).account().id == "a-1"
    assert cloud().date() is None
    assert cloud().account_variables() == ()


@pytest.mark.parametrize("known", KNOWN)
def test_what_the_state_knows_is_named_and_the_key_asked_for(known: str) -> None:
    with pytest.raises(CannotObserve, match="VAST_API_KEY is not set") as caught:
        cloud(KNOWN[known]).list_instances()
    assert caught.value.hint == "export VAST_API_KEY=..."
    assert f"the state names {known} at Vast.ai" in caught.value.summary


CALLS: dict[str, Callable[[GpuHost], Any]] = {
    "get": lambda gpu: gpu.get_instance(nth(1)),
    "search": lambda gpu: gpu.search(WANTED.criteria, WANTED.launch),
    "quote": lambda gpu: gpu.quote(None, WANTED.launch),  # type: ignore[arg-type]
    "turn": lambda gpu: gpu.await_turn("create"),
    "create": lambda gpu: gpu.create(None),  # type: ignore[arg-type]
    "destroy": lambda gpu: gpu.destroy(nth(1)),
    "start": lambda gpu: gpu.start(nth(1)),
    "stop": lambda gpu: gpu.stop(nth(1)),
    "restart": lambda gpu: gpu.restart(nth(1)),
    "logs": lambda gpu: gpu.logs(nth(1), 5),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_other_call_needs_the_key(call: str) -> None:
    with pytest.raises(CannotObserve, match="VAST_API_KEY is not set"):
        CALLS[call](cloud())


def test_an_app_without_an_account_of_a_cloud_is_moved_and_taken_down() -> None:
    made = world()
    ports = replace(made.ports, gpu=NoCloud("Vast.ai", "VAST_API_KEY", made.store))
    made.ports = ports
    up(made, THERE)
    assert made.web.services["dash"].env[WANTED.targets[0].names.url] == Secret(SERVER.url)
    lifecycle.down(on_fakes(made, THERE))
    assert WANTED.targets[0].names.url not in made.web.services["dash"].env


def test_a_machine_that_the_state_knows_stops_every_run_without_the_key() -> None:
    made = served()
    before = dict(made.web.services["dash"].env)
    made.ports = replace(made.ports, gpu=NoCloud("Vast.ai", "VAST_API_KEY", made.store))
    with pytest.raises(CannotObserve, match="the state names instance"):
        up(made, THERE)
    assert made.web.services["dash"].env == before
    assert made.store.state.records != ()


def test_the_key_is_asked_for_only_where_something_is_rented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    session = assemble(parse(SHORTEST, Path("c.yaml")), SILENT, None, web=False)
    assert isinstance(session.ports.gpu, NoCloud)
    assert not session.desired.cloud.readable
    rented = SHORTEST.replace("gpu: external", "gpu: vast") + RENTED
    with pytest.raises(UsageError, match="VAST_API_KEY is not set"):
        assemble(parse(rented, Path("c.yaml")), SILENT, None, web=False)
    monkeypatch.setenv("VAST_API_KEY", "v" * 40)
    assert assemble(parse(SHORTEST, Path("c.yaml")), SILENT, None, web=False).desired.cloud.readable
