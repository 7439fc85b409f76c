"""`sandbox break`: every kind of fault of both doubles can be listed, switched on and off in a running sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vastai import VastAI

from ert_deploy.cli import main
from ert_deploy.sandbox.render import faults as render_faults
from ert_deploy.sandbox.vast import faults as vast_faults
from ert_deploy.sandbox.world import breakage
from ert_deploy.sandbox.world.file import WorldError
from ert_deploy.sandbox.world.kinds import Kind, kinds
from ert_deploy.sandbox.world.world import World
from tests.support.two_doubles import running
from tests.support.vast.world import GOOD

FIELDS: dict[str, dict[str, Any]] = {
    "machine_env": {"env": {"EXTRA": "1"}},
    "row": {"omit": ["label"]},
    "foreign_env": {"set": {"KEEP": "theirs"}},
    "env_group": {"env": {"SHARED": "1"}},
    "credit": {"value": 50},  # by default nothing can be rented any more
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("place")) as made:
        yield made


def on(world: World) -> set[str]:
    return {one["name"] for one in breakage.listing(world.directory) if one["on"]}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_kind_that_lasts_is_on_until_it_is_switched_off(world: World, kind: Kind) -> None:
    assert on(world) == set()
    breakage.switch(world.directory, kind.name, FIELDS.get(kind.name, {}), off=False)
    assert on(world) == ({kind.name} if kind.lasts else set())
    if kind.lasts:
        breakage.switch(world.directory, kind.name, {}, off=True)
        assert on(world) == set()
    else:
        with pytest.raises(WorldError, match="is over at once: there is nothing to switch off"):
            breakage.switch(world.directory, kind.name, {}, off=True)


def test_every_kind_of_both_doubles_is_listed_with_its_effect() -> None:
    accepted = {("vast", kind) for kind in vast_faults.DEFAULTS}
    tables = (render_faults.AMBUSHES, render_faults.GENERAL, render_faults.SERVICE)
    accepted |= {("render", kind) for table in tables for kind in table if kind != "resume"}
    assert {(one.provider, one.kind) for one in kinds()} == accepted
    assert len({one.name for one in kinds()}) == len(kinds())
    assert all(one.effect for one in kinds())


def test_the_gpu_that_is_taken_is_that_of_the_rented_instance_alone(world: World) -> None:
    assert world.file is not None
    sdk: Any = VastAI(api_key=world.file.vast_key, server_url=world.file.vast_url, retry=1)

    def offered() -> list[int]:
        return [one["id"] for one in sdk.search_offers(GOOD, order="dph_total", storage=40)]

    offers = offered()
    rented = sdk.create_instance(id=offers[0], image="ghcr.io/x/llm:1", disk=40)["new_contract"]
    assert breakage.switch(world.directory, "gpu_taken", {}, off=False) == [rented]
    sdk.stop_instance(id=rented)
    assert offered() == offers[1:]
    breakage.switch(world.directory, "gpu_taken", {}, off=True)
    assert offered() == offers
    sdk.destroy_instance(id=rented)


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("gpu_takn", {}, "there is no trouble 'gpu_takn'; did you mean gpu_taken?"),
        ("crash", {}, "there is no trouble 'crash'; did you mean vast/crash or render/crash?"),
        ("zzz", {}, "there is no trouble 'zzz'; `ert-deploy sandbox break` lists the kinds"),
        ("row", {}, "row does nothing without set or omit; --set set=JSON gives it"),
        ("flap", {"evry": 1}, "flap has no field evry"),
        ("flap", {"provider": "render"}, "flap has no field provider"),
        ("machine_env", {"env": {"URL": "https://example.com"}}, "machine_env is not on loopback"),
    ],
)
def test_what_cannot_be_switched_on_is_refused_in_one_line(
    world: World, name: str, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(WorldError) as refused:
        breakage.switch(world.directory, name, fields, off=False)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert on(world) == set()


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*args])
    return int(ended.value.code or 0)


def test_the_command_lists_switches_on_and_off(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world.directory.parents[1])
    assert run("sandbox", "break", "flap", "--set", "every=5", "-c", "sandbox") == 0
    assert capsys.readouterr().out == "flap: done\n"
    assert run("sandbox", "break", "-c", "sandbox") == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{len(kinds())} kinds of trouble, 1 on" == lines[-1]
    assert next(line.split() for line in lines if " on  " in line)[:2] == ["flap", "on"]
    assert run("sandbox", "break", "flap", "--off", "-c", "sandbox") == 0
    assert run("sandbox", "break", "--json", "-c", "sandbox") == 0
    shown = json.loads(capsys.readouterr().out.partition("\n")[2])["kinds"]
    assert not any(one["on"] for one in shown)


def test_without_a_running_sandbox_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("sandbox", "break", "flap", "-c", "sandbox") == 2
    assert "no sandbox is running in" in capsys.readouterr().err
    assert run("sandbox", "break", "--off", "-c", "sandbox") == 2
    assert list(tmp_path.iterdir()) == []
