"""Operations of the sandbox's Render against its OpenAPI: none is made up, and what is left out has a reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.clients.render.openapi import operations, routes

CONTRACTS = Path(os.environ.get("ERT_SHARED") or Path(__file__).parents[2] / ".." / "shared") / "contracts"
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the providers' contracts are not beside the repository"),
]
# Operations below resources that the sandbox has, and why they are not there; other resources are in docs/sandbox.md.
LEFT_OUT = {
    **dict.fromkeys(["list-snapshots", "restore-snapshot"], "a disk has no content here"),
    **dict.fromkeys(["subscribe-logs", "list-logs-values"], "logs are read page by page"),
    **dict.fromkeys(
        ["list-owner-audit-logs", "retrieve-owner-members", "update-workspace-member", "remove-workspace-member"],
        "the workspace has one user",
    ),
    **dict.fromkeys(["purge-cache"], "there is no edge cache"),
    **dict.fromkeys(["list-job", "post-job", "retrieve-job", "cancel-job"], "no one-off job is run"),
    **dict.fromkeys(
        ["list-headers", "add-headers", "update-headers", "delete-header"], "headers exist for static sites only"
    ),
    **dict.fromkeys(
        ["list-routes", "add-route", "patch-route", "put-routes", "delete-route"], "routes exist for static sites only"
    ),
}
DATASTORES = ("/postgres", "/key-value")  # records for the Blueprint: made, read and deleted
RESOURCES = ("/users", "/owners", "/services", "/env-groups", "/disks", "/events", "/logs")


def test_every_operation_of_the_sandbox_is_one_of_render() -> None:
    schema = json.loads((CONTRACTS / "render-openapi.json").read_text())
    assert routes() <= set(operations(schema))
    assert len(routes()) >= 67


def test_every_other_operation_of_a_resource_that_the_sandbox_has_is_left_out_for_a_reason() -> None:
    schema = json.loads((CONTRACTS / "render-openapi.json").read_text())
    missing = {
        operation["operationId"]
        for (method, path), operation in operations(schema).items()
        if (method, path) not in routes() and path.startswith(RESOURCES) and not path.startswith("/logs/streams")
    }
    assert missing == set(LEFT_OUT)
    datastores = {(m, p) for m, p in operations(schema) if p.startswith(DATASTORES)}
    assert {m for m, p in datastores & routes()} == {"get", "post", "delete"}
