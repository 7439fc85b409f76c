"""Breakage: lists the kinds of trouble of a running sandbox, and switches one on or off."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.vast.faults import TARGETS
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import WorldError, WorldFile, attach

# Without a target, these hit the machines that are rented, because the whole market is seldom meant.
HIT_WHAT_IS_RENTED = ("gpu_taken", "outbid", "offline")
# Kinds that do nothing without a field.
NEEDED = {"machine_env": "env", "row": ("set", "omit"), "foreign_env": ("set", "unset"), "env_group": "env"}
# What is broken without a field where the default of the field is the normal state.
FILLED: Mapping[str, Mapping[str, Any]] = {
    "absorbed": {"as": "vanish"},
    "open_ports": {"on": False},
    "subdomain": {"on": False},
}

Json = dict[str, Any]


def listing(directory: Path) -> list[Json]:
    """Return every kind with its fields and effect, and whether it is on. Raises `WorldError` if none is running."""
    return _listed(attach(directory))


def _listed(world: WorldFile) -> list[Json]:
    found: list[Json] = ask(world, "GET", "/trouble")["kinds"]
    return found


def switch(directory: Path, name: str, fields: Mapping[str, Any], *, off: bool) -> list[int]:
    """Switch one kind on or off; return the ids of the instances that it was limited to.

    Raises `WorldError` if no sandbox is running, for an unknown kind, for a field that the provider refuses, and for
    `off` where the kind is over at once.
    """
    world = attach(directory)
    kind = _find(_listed(world), name)
    if off:
        if not kind["lasts"]:
            raise WorldError(f"{name} is over at once: there is nothing to switch off")
        ask(world, "POST", "/trouble", {"provider": kind["provider"], "kind": kind["kind"], "end": True})
        return []
    _check(kind, fields)
    order = {**FILLED.get(name, {}), **fields, "provider": kind["provider"], "kind": kind["kind"]}
    if name not in HIT_WHAT_IS_RENTED or any(target in fields for target in TARGETS):
        ask(world, "POST", "/trouble", order)
        return []
    rented = [int(row["id"]) for row in ask(world, "GET", "/state")["machines"]]
    for one in [{"instance_id": id} for id in rented] or [{}]:
        ask(world, "POST", "/trouble", {**order, **one})
    return rented


def _find(kinds: list[Json], name: str) -> Json:
    names = {one["name"]: one for one in kinds}
    if name in names:
        return names[name]
    both = [one["name"] for one in kinds if one["kind"] == name]
    near = both or difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`ert-deploy sandbox break` lists the kinds"
    raise WorldError(f"there is no trouble {name!r}; {hint}")


def _check(kind: Json, fields: Mapping[str, Any]) -> None:
    for field in ("provider", "kind", "end"):
        if field in fields:
            raise WorldError(f"{kind['name']} has no field {field}")
    needed = NEEDED.get(kind["kind"], ())
    names = (needed,) if isinstance(needed, str) else needed
    if names and not any(fields.get(field) for field in names):
        raise WorldError(f"{kind['name']} does nothing without {' or '.join(names)}; --set {names[0]}=JSON gives it")
