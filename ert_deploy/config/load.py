"""Config loading: converts a config file to `Settings`, or reports all its errors.

file -> text (`yaml.file`) -> tree (`yaml.tree`) -> valid values by path (`schema.walk`, then `schema.rules`) ->
`Settings`. No other file is read; a config never contains a key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from ert_deploy.config.providers import GPU_CLOUDS, Provider, every, gpu_cloud, web_host
from ert_deploy.config.schema.external import EXTERNAL
from ert_deploy.config.schema.extra_env import LITERAL
from ert_deploy.config.schema.keys import GPU, WEB
from ert_deploy.config.schema.market_catalog import AUTO
from ert_deploy.config.schema.model_rules import model_gb
from ert_deploy.config.schema.rules import broken, unsettled
from ert_deploy.config.schema.types import DEPLOYMENT_PLACEHOLDER, FOREIGN_VARIABLE, PLACEHOLDER, service_id
from ert_deploy.config.schema.walk import Reading, read
from ert_deploy.config.settings import (
    HERE,
    STATE,
    AgentService,
    Blueprint,
    Custody,
    Endpoint,
    KeySource,
    Notify,
    SandboxSettings,
    Settings,
    least_settle,
)
from ert_deploy.config.yaml.file import read_text
from ert_deploy.config.yaml.problems import ConfigProblems, Problem
from ert_deploy.config.yaml.tree import read_tree
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.ledger.policy import AtBudget, Budget
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import (
    USE_IN_PREVIEWS,
    Criteria,
    Desired,
    Guard,
    Launch,
    Market,
    OwnedNames,
    Phase,
    Target,
    Timings,
)
from ert_deploy.core.model.model_server import ModelServer
from ert_deploy.core.model.owner import service_hash
from ert_deploy.core.verdict.starts import Policy

P = TypeVar("P", bound=Provider)


def load(path: Path, *, draft: bool = False, going_down: bool = False, hosts: Collection[str] = ()) -> Settings:
    """Return the settings of a config file, with the phase `RUNNING`. Raise `ConfigProblems` with all errors."""
    return parse(read_text(path), path, draft=draft, going_down=going_down, hosts=hosts)


def parse(
    text: str, source: Path, *, draft: bool = False, going_down: bool = False, hosts: Collection[str] = ()
) -> Settings:
    """Return the settings of a config text; `source` is its name in messages. Raise `ConfigProblems`.

    In a `draft`, image and name may still be the placeholders of the sample: the settings are complete but cannot be
    used to rent a machine. With `going_down`, a `timings/settle` that is too short, as in older configs, is increased,
    a key variable that is not named after its provider is replaced by the standard one, and a secret in `launch/env` is
    left out. `hosts` may be sent a key in addition to those of the providers.
    """
    tree, problems = read_tree(text)
    if tree is None:
        raise ConfigProblems(str(source), problems or [Problem("", 0, "it contains only comments")])
    reading = read(tree)
    if draft:
        _excuse_placeholders(reading)
    notes: dict[str, str] = {}
    if going_down:
        _make_settle_last(reading)
        notes = _take_standard_keys(reading)
        _leave_out_secrets(reading)
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
    """Replace nonstandard key variables; return a note by section for the case that the standard one is not set."""
    notes: dict[str, str] = {}
    for provider in every():
        path = f"{provider.section}/key/env"
        for problem in [p for p in reading.problems if p.path == path and FOREIGN_VARIABLE in p.what]:
            reading.problems.remove(problem)
            reading.values[path] = provider.key
            notes[provider.section] = f"line {problem.line}: {path}: {problem.what}"
    return notes


def _leave_out_secrets(reading: Reading) -> None:
    left = [p for p in reading.problems if LITERAL not in p.what]
    if len(left) < len(reading.problems):
        reading.problems[:] = left
        reading.values.setdefault("launch/env", ())


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
        # The URLs of a sandbox are known once it runs; while they are empty, no server can be called by mistake.
        # An external server takes the place of a machine at one of the clouds, which may still have one.
        gpu=_endpoint(GPU_CLOUDS[0] if values[GPU] == EXTERNAL else gpu_cloud(values[GPU]), values, notes),
        web=_endpoint(host := web_host(values[WEB]), values, notes),
        state=values["state"] or Path(".ert") / f"{HERE}.json",
        state_key=KeySource(STATE, values["state_key"]) if values["state_key"] else None,
        sandbox=sandbox,
        source=source,
        custody=Custody(values["keys/custody"], values["keys/folder"]),
        notify=Notify(values["notify/urls"], values["notify/mute"]),
        blueprints=tuple(
            Blueprint(**_direct(values, f"{host.section}/services/{at}/blueprint"))
            for at in range(values[f"{host.section}/services"])
        ),
        agent=AgentService(**_direct(values, f"{host.section}/agent")),
        external_ca=values["external/ca"],
        policy=Policy(values["policy/wakes_per_hour"]),
        budget=Budget(
            values["policy/budget_per_day"], values["policy/budget_per_month"], AtBudget(values["policy/at_budget"])
        ),
        wait_price=values["policy/wait_price"],
        idle=Choice(values["policy/idle"]),
        early_starts=values["policy/early_starts_per_day"],
        windows=values["policy/windows"],
        time_zone=values["policy/time_zone"],
    )


def _endpoint(provider: P, values: Mapping[str, Any], notes: Mapping[str, str]) -> Endpoint[P]:
    section = provider.section
    key = KeySource(provider.name, **_direct(values, f"{section}/key"), note=notes.get(section, ""))
    return Endpoint(provider, "" if values["sandbox"] else values[f"{section}/url"], key)


def _desired(values: Mapping[str, Any]) -> Desired:
    host = web_host(values[WEB])
    rows = f"{host.section}/services"
    targets = tuple(_target(values, f"{rows}/{at}", host.section) for at in range(values[rows]))
    return Desired(
        deployment=values["deployment"],
        phase=Phase.RUNNING,
        launch=_launch(values),
        criteria=_criteria(values),
        targets=targets,
        timings=Timings(**_direct(values, "timings")),
        plan_hours=values["plan/hours"],
        slots=values["plan/slots"],
        attempts=values["plan/attempts"],
        owner=values["owner"] or "",
        services=frozenset(service_hash(t.service) for t in targets if service_id(host, t.service)),
        ignored=frozenset(values["ignored_instances"]),
        max_cost=values["plan/max_cost"],
        external=_external(values) if values[GPU] == EXTERNAL else None,
        shortens_idle=values["policy/idle"] != Choice.FIXED,
        replicas=values["replicas"],
        awake=values["replicas/min"],
    )


def _external(values: Mapping[str, Any]) -> External:
    """Return the server without its key and certificate, which are read when they are needed."""
    return External(values["external/url"], values["external/model"], values["external/key"])


def _criteria(values: Mapping[str, Any]) -> Criteria:
    """Return what an offer must be; without that section nothing may be rented."""
    offer = _direct(values, "offer") or {"max_dph": 0.0, "gpu_ram": Criteria(max_dph=0.0).min_gpu_ram_mb}
    offer["min_gpu_ram_mb"] = offer.pop("gpu_ram")
    return Criteria(**offer)


def _launch(values: Mapping[str, Any]) -> Launch:
    """Return the container to run; one without an image for a config that names none."""
    if "launch/image" not in values:
        return Launch(image="", model=values["external/model"])
    launch = _direct(values, "launch") | {
        "model_gb": model_gb(values["launch/model"], values["launch/model_gb"]),
        "market": Market(values["launch/market"]),
        "prefer": Prefer(values["launch/prefer"]),
        "guard": Guard(**_direct(values, "launch/guard")),
    }
    launch["server"] = _server(launch)
    return Launch(**launch | _bid(launch["bid"], launch["bid_margin"], values.get("offer/max_dph", 0.0)))


def _bid(bid: float | str | None, margin: float, cap: float) -> dict[str, Any]:
    """Return the values of a bid that follows the market, or of a fixed one."""
    return {"bid": None, "bid_margin": margin, "bid_cap": cap} if bid == AUTO else {"bid": bid, "bid_margin": None}


def _server(launch: dict[str, Any]) -> ModelServer:
    """Remove the keys of the model server from `launch` and return them as a `ModelServer`."""
    named = {"kind": "engine", "command": "engine_command", "digest": "model_digest"}
    return ModelServer(**{field.name: launch.pop(named.get(field.name, field.name)) for field in fields(ModelServer)})


def _target(values: Mapping[str, Any], path: str, section: str) -> Target:
    row = _direct(values, path)
    names, previews = OwnedNames(**_direct(values, f"{path}/owned")), values[f"{section}/previews"] == USE_IN_PREVIEWS
    return Target(service=row.pop("name"), names=names, previews=previews, **row)


def _direct(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the values directly below a path, by the last part of their path."""
    start = f"{path}/"
    below = {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}
    return {key: value for key, value in below.items() if "/" not in key}
