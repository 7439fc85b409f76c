"""A config file -> `Settings`, or every problem it has.

file -> text (`source`) -> tree (`tree`) -> good values by path (`reader` along `schema`, then `rules`) -> Settings.
Reads one file and nothing else; a key is never in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ert_deploy.config.schema.model_rules import model_gb
from ert_deploy.config.schema.rules import broken, unsettled
from ert_deploy.config.schema.types import DEPLOYMENT_PLACEHOLDER, FOREIGN_VARIABLE, PLACEHOLDER, service_id
from ert_deploy.config.schema.walk import Reading, read
from ert_deploy.config.settings import (
    HERE,
    RENDER_KEY,
    STATE,
    VAST_KEY,
    Blueprint,
    KeySource,
    KeySources,
    SandboxSettings,
    Settings,
    least_settle,
)
from ert_deploy.config.yaml.file import read_text
from ert_deploy.config.yaml.problems import ConfigProblems, Problem
from ert_deploy.config.yaml.tree import read_tree
from ert_deploy.core.model.desired import (
    Criteria,
    Desired,
    Guard,
    Launch,
    Market,
    ModelServer,
    OwnedNames,
    Phase,
    Target,
    Timings,
)
from ert_deploy.core.model.owner import service_hash


def load(path: Path, *, draft: bool = False, going_down: bool = False, hosts: Collection[str] = ()) -> Settings:
    """The settings of one config, wanted running. Raises ConfigProblems with all that is wrong."""
    return parse(read_text(path), path, draft=draft, going_down=going_down, hosts=hosts)


def parse(
    text: str, source: Path, *, draft: bool = False, going_down: bool = False, hosts: Collection[str] = ()
) -> Settings:
    """The settings that a text means; `source` is what messages call it. Raises ConfigProblems.

    In a `draft` image and name may still be the sample's placeholders: nothing can be rented, but all else is there.
    On the way down a settle time that is too short, as older configs have it, is made long enough instead, and a key's
    variable that is not named after its provider gives way to the standard one. `hosts` are those besides the
    providers' own that may be sent a key.
    """
    tree, problems = read_tree(text)
    if tree is None:
        raise ConfigProblems(str(source), problems or [Problem("", 0, "it holds nothing but comments")])
    reading = read(tree)
    if draft:
        _excuse_placeholders(reading)
    notes: dict[str, str] = {}
    if going_down:
        _make_settle_last(reading)
        notes = _take_standard_keys(reading)
    problems = [*problems, *reading.problems]
    problems += broken(reading, hosts)
    if problems:
        raise ConfigProblems(str(source), problems)
    return _settings(reading, source, notes)


def _make_settle_last(reading: Reading) -> None:
    for _ in list(unsettled(reading)):
        speed = reading.values["sandbox/speed"] if reading.values["sandbox"] else 1.0
        reading.values["timings/settle"] = least_settle(reading.values["timings/call_within"], speed)


def _take_standard_keys(reading: Reading) -> dict[str, str]:
    """What is to be said where a key that is still missing then should have come from, by section."""
    notes: dict[str, str] = {}
    for section, standard in (("vast", VAST_KEY), ("render", RENDER_KEY)):
        path = f"{section}/key/env"
        for problem in [p for p in reading.problems if p.path == path and FOREIGN_VARIABLE in p.what]:
            reading.problems.remove(problem)
            reading.values[path] = standard
            notes[section] = f"line {problem.line}: {path}: {problem.what}"
    return notes


def _excuse_placeholders(reading: Reading) -> None:
    for path, instead in (("launch/image", ""), ("deployment", DEPLOYMENT_PLACEHOLDER.lower())):
        left = [p for p in reading.problems if (p.path, p.what) != (path, PLACEHOLDER)]
        if len(left) < len(reading.problems):
            reading.problems[:] = left
            reading.values[path] = instead


def _settings(reading: Reading, source: Path, notes: Mapping[str, str]) -> Settings:
    values = reading.values
    sandbox = SandboxSettings(**_direct(values, "sandbox")) if values["sandbox"] else None
    return Settings(
        desired=_desired(values),
        # A sandbox's addresses are known when its world runs; until then nothing could be called by mistake.
        vast_url="" if sandbox else values["vast/url"],
        render_url="" if sandbox else values["render/url"],
        keys=KeySources(
            KeySource("Vast.ai", **_direct(values, "vast/key"), note=notes.get("vast", "")),
            KeySource("Render", **_direct(values, "render/key"), note=notes.get("render", "")),
        ),
        state=values["state"] or Path(".ert") / f"{HERE}.json",
        state_key=KeySource(STATE, values["state_key"]) if values["state_key"] else None,
        sandbox=sandbox,
        source=source,
        blueprints=tuple(
            Blueprint(**_direct(values, f"render/services/{at}/blueprint")) for at in range(values["render/services"])
        ),
    )


def _desired(values: Mapping[str, Any]) -> Desired:
    launch = _direct(values, "launch") | {
        "model_gb": model_gb(values["launch/model"], values["launch/model_gb"]),
        "market": Market(values["launch/market"]),
        "guard": Guard(**_direct(values, "launch/guard")),
        "vast_api": "" if values["sandbox"] else values["vast/url"],
    }
    launch["server"] = _server(launch)
    targets = tuple(_target(values, f"render/services/{at}") for at in range(values["render/services"]))
    offer = _direct(values, "offer")
    offer["min_gpu_ram_mb"] = offer.pop("gpu_ram")
    return Desired(
        deployment=values["deployment"],
        phase=Phase.RUNNING,
        launch=Launch(**launch),
        criteria=Criteria(**offer),
        targets=targets,
        timings=Timings(**_direct(values, "timings")),
        plan_hours=values["plan/hours"],
        slots=values["plan/slots"],
        attempts=values["plan/attempts"],
        owner=values["owner"] or "",
        services=frozenset(service_hash(t.service) for t in targets if service_id(t.service)),
        ignored=frozenset(values["ignored_instances"]),
        max_cost=values["plan/max_cost"],
    )


def _server(launch: dict[str, Any]) -> ModelServer:
    """Takes what concerns the model's server out of the keys of `launch`."""
    named = {"kind": "engine", "command": "engine_command", "digest": "model_digest"}
    return ModelServer(**{field.name: launch.pop(named.get(field.name, field.name)) for field in fields(ModelServer)})


def _target(values: Mapping[str, Any], path: str) -> Target:
    row = _direct(values, path)
    return Target(service=row.pop("name"), names=OwnedNames(**_direct(values, f"{path}/owned")), **row)


def _direct(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The values right below a path, by their last name."""
    start = f"{path}/"
    below = {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}
    return {key: value for key, value in below.items() if "/" not in key}
