"""Known exceptions of third-party clients and recordings: none without reason and source, none needless.

The clients' own runs (`make render-clients-test`, the tests of Vast's command line, the replays of the recordings) fail
for an entry that they do not meet.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_deploy.sandbox.vast.api import absent
from ert_deploy.sandbox.vast.api.routes import ROUTES
from tests.clients.render import known as render_clients
from tests.clients.render.openapi import operations, routes
from tests.support.known import Known
from tests.support.render import known as exchanges
from tests.support.render.world import World, running
from tests.support.vast import known as vast

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text()
# By the name in docs/sandbox.md.
TABLES: Mapping[str, Mapping[str, Known]] = {
    "Vast's command line": vast.CLI,
    "Vast's OpenAPI": vast.WRONG_IN_THE_FILE,
    "Render's SDK": {name: one for table in render_clients.SDK.values() for name, one in table.items()},
    "Prism: statuses added to the OpenAPI": render_clients.UNDOCUMENTED,
    "Prism: choices of the OpenAPI": render_clients.CHOICES,
    "generated requests: operations": render_clients.LEFT_ALONE,
    "generated requests: checks": render_clients.CHECKS_OFF,
    "generated requests: phases": render_clients.PHASES_OFF,
    "recordings: not replayed": {**exchanges.NOT_IMPLEMENTED, "other types": exchanges.OTHER_TYPES},
    "recordings: newer fields": exchanges.NEWER_FIELDS,
    "recordings: fields of some": exchanges.OLDER_FIELDS,
    "recordings: values": exchanges.OWN_VALUES,
}
ENTRIES = [(table, name, known) for table, entries in TABLES.items() for name, known in entries.items()]


@pytest.fixture
def openapi(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "contracts" / "render-openapi.json").read_text())
    return found


def test_the_page_lists_every_table_with_its_number_of_entries() -> None:
    rows = re.findall(r"^\| (.+?) \| (\d+) \| .+ \|$", PAGE, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == {name: len(entries) for name, entries in TABLES.items()}


@pytest.mark.parametrize(("table", "name", "known"), ENTRIES, ids=[f"{table}: {name}" for table, name, _ in ENTRIES])
def test_every_exception_has_a_reason_and_a_source_of_a_known_kind(table: str, name: str, known: Known) -> None:
    assert len(known.reason.split()) >= 4, f"{table}, {name}: {known.reason!r} is no reason"
    kind, _, place = known.source.partition(": ")
    assert place, f"{table}, {name}: {known.source!r} has no place"
    match kind.split():
        case ["vastai", version]:
            assert version == importlib.metadata.version("vastai")
            spec = importlib.util.find_spec("vastai")
            assert spec is not None
            assert spec.origin is not None
            assert (Path(spec.origin).parent / place).is_file()
        case ["render" | "schemathesis" as client, version]:
            assert f"{client}=={version}\n" in (ROOT / "requirements" / f"clients-{client}.in").read_text()
        case ["docs/sandbox.md"]:
            assert place in PAGE
        case _:
            # The next test looks those up.
            assert kind in ("Render OpenAPI", "Vast OpenAPI", "recording", "render-oss/terraform-provider-render")


@pytest.mark.contract
def test_every_place_in_a_published_file_or_recording_exists(openapi: dict[str, Any], shared: Path) -> None:
    recorded = json.loads((shared / "contracts" / "render-recorded-exchanges.json").read_text())["exchanges"]
    bodies, cassettes = json.dumps([one["response_body"] for one in recorded]), {one["source"] for one in recorded}
    texts = {"Render OpenAPI": json.dumps(openapi), "recording": bodies, "Vast OpenAPI": ""}
    for table, name, known in ENTRIES:
        kind, _, place = known.source.partition(": ")
        if kind.startswith("render-oss"):
            assert any(place.endswith(cassette) or cassette.endswith(place) for cassette in cassettes), place
        elif kind in texts:
            assert f'"{place.split()[0]}"' in texts[kind], f"{table}, {name}: {place} is not there"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(profile="spec_strict") as up:
        yield up


@pytest.mark.contract
def test_a_status_that_is_added_is_returned_and_still_not_in_the_openapi(openapi: dict[str, Any], world: World) -> None:
    paths = {one["operationId"]: (path, one) for (method, path), one in operations(openapi).items() if method == "get"}
    for name in render_clients.UNDOCUMENTED:
        path, operation = paths[name]
        assert "400" not in operation["responses"], f"{name} documents 400 by now"
        assert world.call("GET", path.replace("{}", world.service), params={"limit": "0"}).status_code == 400


@pytest.mark.contract
def test_an_operation_that_is_left_alone_is_one_of_the_sandbox(openapi: dict[str, Any]) -> None:
    mine = {one["operationId"] for place, one in operations(openapi).items() if place in routes()}
    assert set(render_clients.LEFT_ALONE) <= mine
    assert "400" in next(o for o in operations(openapi).values() if o["operationId"] == "update-service")["responses"]


def shape(method: str, path: str) -> str:
    """Return a route with nameless parameters, by which the file, the package and the sandbox agree."""
    return f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path).rstrip('/')}"


@pytest.mark.contract
def test_every_absent_route_is_one_that_vast_has_and_the_sandbox_has_not(shared: Path) -> None:
    spec = yaml.load((shared / "contracts" / "vast-openapi.yaml").read_text(), yaml.CSafeLoader)["paths"]
    published = {shape(method, path) for path, methods in spec.items() for method in methods}
    package = importlib.util.find_spec("vastai")
    assert package is not None
    assert package.origin is not None
    code = "\n".join(file.read_text(errors="replace") for file in Path(package.origin).parent.rglob("*.py"))
    invented = [
        f"{method} {path}"
        for method, path, _ in absent.routes()
        # Serverless routes are published without a prefix.
        if not {shape(method, path), shape(method, path.removeprefix("/api/v0"))} & published
        and re.sub(r"^/api/v\d|\{.*", "", path).rstrip("/") not in code
    ]
    assert invented == []
    assert {shape(*one[:2]) for one in absent.routes()} & {shape(*one[:2]) for one in ROUTES} == set()
    assert all(len(reason.split()) >= 4 for _, _, reason in absent.routes())
