"""`serviceDetails` of a web service: the fields of a request, checked, and how they change the stored ones."""

from __future__ import annotations

import copy
from typing import Any

from ert_deploy.sandbox.render.api.instances import MOST_INSTANCES
from ert_deploy.sandbox.render.pagination import bad_request, text_of, whole_of

FIELDS: dict[str, type] = {
    "cache": dict,
    "envSpecificDetails": dict,
    "healthCheckPath": str,
    "ipAllowList": list,
    "maintenanceMode": dict,
    "maxShutdownDelaySeconds": int,
    "plan": str,
    "preDeployCommand": str,
    "previews": dict,
    "pullRequestPreviewsEnabled": str,
    "renderSubdomainPolicy": str,
    "runtime": str,
}
AT_CREATION: dict[str, type] = {"region": str, "numInstances": int, "disk": dict, "autoscaling": dict}
NATIVE = ("elixir", "go", "node", "python", "ruby", "rust")
CHOICES = {
    "pullRequestPreviewsEnabled": ("yes", "no"),
    "region": ("frankfurt", "oregon", "ohio", "singapore", "virginia"),
    "renderSubdomainPolicy": ("enabled", "disabled"),
    "runtime": (*NATIVE, "docker", "image"),
}
GENERATIONS = ("off", "manual", "automatic")
# The commands that a service has before any are set (recorded).
COMMANDS: dict[str, dict[str, str]] = {
    "docker": {"dockerCommand": "", "dockerContext": ".", "dockerfilePath": "./Dockerfile"},
    "image": {"dockerCommand": "", "dockerContext": "", "dockerfilePath": ""},
}


def checked_details(given: Any, *, created: bool = False) -> dict[str, Any]:
    """Return the known fields of a request that are not null. Raises a 400 `ApiError` for an invalid one."""
    if not isinstance(given, dict):
        raise bad_request("serviceDetails must be an object")
    allowed = FIELDS | AT_CREATION if created else FIELDS
    changes = {name: given[name] for name in allowed if given.get(name) is not None}
    for name, value in changes.items():
        if not isinstance(value, allowed[name]) or isinstance(value, bool):
            raise bad_request(f"serviceDetails.{name} has an invalid type")
        if name in CHOICES and value not in CHOICES[name]:
            raise bad_request(f"serviceDetails.{name} must be one of {', '.join(CHOICES[name])}")
    for name, most in (("maxShutdownDelaySeconds", 300), ("numInstances", MOST_INSTANCES)):
        if name in changes:
            whole_of(changes, name, 1, most)
    _check_nested(changes)
    return changes


def _check_nested(changes: dict[str, Any]) -> None:
    if changes.get("previews", {}).get("generation", "off") not in GENERATIONS:
        raise bad_request(f"previews.generation must be one of {', '.join(GENERATIONS)}")
    commands = changes.get("envSpecificDetails", {})
    if not all(
        isinstance(commands.get(name, ""), str) for name in (*COMMANDS["docker"], "buildCommand", "startCommand")
    ):
        raise bad_request("envSpecificDetails has a command that is not a string")
    if "disk" in changes:
        disk = changes["disk"]
        changes["disk"] = {name: text_of(disk, name) for name in ("name", "mountPath")}
        changes["disk"]["sizeGB"] = whole_of({"sizeGB": disk.get("sizeGB", 1)}, "sizeGB", 1, 1000)
    if "autoscaling" in changes:
        scaling = changes["autoscaling"]
        whole_of(scaling, "max", whole_of(scaling, "min", 1, MOST_INSTANCES), MOST_INSTANCES)
        if not isinstance(scaling.get("enabled"), bool):
            raise bad_request("autoscaling.enabled must be a boolean")


def switched_runtime(details: dict[str, Any], runtime: str) -> dict[str, Any]:
    """Return the details for another runtime, with the commands that it starts with."""
    kept = details["envSpecificDetails"]
    same = runtime == details["runtime"] or (runtime in NATIVE and details["runtime"] in NATIVE)
    commands = kept if same else COMMANDS.get(runtime, {"buildCommand": "", "startCommand": ""})
    return {**details, "runtime": runtime, "envSpecificDetails": dict(commands)}


def merged(details: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the details with the changes of a request; commands are changed one by one."""
    after, given = copy.deepcopy(details), dict(changes)
    commands = after["envSpecificDetails"]
    commands |= {k: v for k, v in given.pop("envSpecificDetails", {}).items() if isinstance(v, str)}
    command = given.pop("preDeployCommand", None)
    if command or (command is not None and "preDeployCommand" in commands):  # an empty one clears it (recorded)
        commands["preDeployCommand"] = command
    if "previews" in given:
        generation = given.pop("previews").get("generation", "off")
        after["previews"] = {"generation": generation}
    return after | given
