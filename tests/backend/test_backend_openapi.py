"""The backend's OpenAPI document: its operations are what the app registers, its bodies what is sent and taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ci.openapi import backend as described
from ci.openapi.document import document
from ert_backend.api.operations import OPERATIONS, path_of
from ert_backend.base.routes import ROUTES, Access, access
from ert_backend.edge.key_store import admin_token
from tests.support.backend.rig import REQUEST, SECRET, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama, says
from tests.support.openapi import Witness

ADMIN = admin_token(bytes.fromhex(SECRET))
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
SECTIONS = {**REQUEST, "sections": ["risk_analysis"]}
GOLDEN = sorted((Path(__file__).parents[1] / "golden_reports" / "reports").glob("*.json"))
HASH = "ab" * 32


@pytest.fixture(scope="module")
def witness() -> Witness:
    return Witness(document(described.service()))


class Caller:
    """Sends requests to a backend, and checks every request that is taken, and every response."""

    def __init__(self, client: httpx.Client, witness: Witness) -> None:
        self.client, self.witness = client, witness

    def __call__(self, method: str, path: str, status: int, body: Any = None, **options: Any) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        answer = self.client.request(method, path, **sent, **options)
        assert answer.status_code == status, answer.text
        media = answer.headers["content-type"].partition(";")[0]
        found = answer.json() if media == "application/json" else None
        self.witness.check(method, path, status, media, found)
        if body is not None and status < 300:
            self.witness.taken(method, path, body)
        return answer


def fastapi(backend: Backend) -> FastAPI:
    """The framework's app behind the server."""
    found: Any = backend.server.config.loaded_app if backend.server.config.loaded else backend.server.config.app
    while not isinstance(found, FastAPI):
        found = found.app
    return found


def test_the_app_registers_the_operations_of_the_table_and_no_other(backend: Backend, witness: Witness) -> None:
    table = {(method, route.name) for route in ROUTES for method in route.methods}
    assert set(OPERATIONS) == table
    routes: list[Any] = fastapi(backend).routes
    registered = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}
    assert registered == {(method, path_of(method, name)) for method, name in table}
    assert witness.operations() == {f"{method} {name}" for method, name in table}


def test_a_handler_without_a_place_in_the_table_is_refused() -> None:
    for method, name in (("GET", "/debug"), ("PUT", "/status")):
        with pytest.raises(KeyError):
            path_of(method, name)


def test_the_key_that_is_described_is_the_one_that_is_asked_for(witness: Witness) -> None:
    kinds: dict[Access, list[dict[str, list[str]]]] = {
        Access.OPEN: [],
        Access.KEYED: [{"key": []}],
        Access.ADMIN: [{"admin": []}],
    }
    for path, methods in witness.document["paths"].items():
        for method, operation in methods.items():
            real = path.replace("{id}", "AAPL_1").replace("{model}", "m")
            assert operation["security"] == kinds[access(method.upper(), real)], path


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_reports_of_twelve_kinds_of_companies_are_as_described(path: Path, witness: Witness) -> None:
    report = json.loads(path.read_text())
    witness.valid({"$ref": "#/components/schemas/Rating"}, report["report"], "report")
    for name, items in (("FigureConflict", report["conflicts"]), ("Ungrounded", report["ungrounded"])):
        for item in items:
            witness.valid({"$ref": f"#/components/schemas/{name}"}, item, name)


def events(text: str) -> Iterator[tuple[str, Any]]:
    """The name and the data of each event of a stream; a chunk has no name."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields.get("data", "[DONE]") != "[DONE]":
            yield fields.get("event", ""), json.loads(fields["data"])


def streamed(witness: Witness, text: str) -> set[str]:
    """The names of the events of a stream, each valid."""
    found = set()
    for event, data in events(text):
        name = event or data["object"]
        witness.valid(witness.document["x-live-events"][name], data, name)
        found.add(name)
    return found


def open_routes(call: Caller) -> None:
    call("GET", "/", 200)
    call("GET", "/health", 200)
    call("GET", "/identity?nonce=" + "0" * 64, 200)
    call("GET", "/identity?nonce=x", 422)
    assert call("GET", "/status", 200).json()["tokens_per_s"] == 100
    call("GET", "/metrics", 200)


def reports(call: Caller, ollama: ScriptedOllama) -> set[str]:
    """Whole reports, and refusals; returns the events that were seen."""
    call("POST", "/generate_report", 200, REQUEST)
    job = call("POST", "/reports", 202, SECTIONS).json()["id"]
    seen = streamed(call.witness, call("GET", f"/reports/{job}/events", 200).text)
    assert call("GET", f"/reports/{job}", 200).json()["result"] is not None
    call("DELETE", f"/reports/{job}", 200)
    call("POST", "/reports", 202, {**SECTIONS, "id": "mine"})
    call("POST", "/reports", 409, {**SECTIONS, "id": "mine", "ticker": "B"})
    for path in ("/generate_report", "/reports"):
        call("POST", path, 422, {"ticker": "../../x"})
        call("POST", path, 422, [])
        call("POST", path, 413, {**REQUEST, "company_data": {"x": "x" * 12_000_000}})
    for method, path in (("GET", "/reports/x"), ("DELETE", "/reports/x"), ("GET", "/reports/x/events")):
        call(method, path, 404)
    ollama.chat = lambda body: [{"error": "out of memory"}]
    call("POST", "/generate_report", 503, {**SECTIONS, "ticker": "C"})
    failed = call("POST", "/reports", 202, {**SECTIONS, "ticker": "D"}).json()["id"]
    return seen | streamed(call.witness, call("GET", f"/reports/{failed}/events", 200).text)


def chats(call: Caller, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Good ", "day.", thinking="hm")
    parts = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    call("POST", "/v1/chat/completions", 200, {"messages": [parts], "stop": "x", "seed": 1})
    options = {"stream": True, "stop": ["x", "y"], "stream_options": {"include_usage": True}, "temperature": None}
    chunks = call("POST", "/v1/chat/completions", 200, {**CHAT, **options}).text
    assert streamed(call.witness, chunks) == {"chat.completion.chunk"}
    call("POST", "/v1/chat/completions", 400, {**CHAT, "temperature": 9})
    ollama.chat = lambda body: [{"error": "out of memory"}]
    call("POST", "/v1/chat/completions", 503, CHAT)
    model = call("GET", "/v1/models", 200).json()["data"][0]["id"]
    call("GET", f"/v1/models/{model}", 200)
    call("GET", "/v1/models/other", 404)
    for name in ("completions", "embeddings", "responses"):
        call("POST", f"/v1/{name}", 404, {})


def keys(call: Caller, caller: Caller) -> None:
    call("GET", "/admin/keys", 200)
    call("GET", "/admin/audit", 200)
    now = [key["sha256"] for key in call("GET", "/admin/keys", 200).json()["keys"]]
    call("PUT", "/admin/keys", 200, {"generation": 5, "hashes": [*now[:2], HASH][:3]})
    call("PUT", "/admin/keys", 409, {"generation": 4, "hashes": [HASH]})
    call("PUT", "/admin/keys", 422, {"generation": 6, "hashes": []})
    limits = {"idle_stop": 1200, "boot_deadline": 2700, "max_lifetime": 43200}
    call("PUT", "/admin/limits", 200, limits)
    call("PUT", "/admin/limits", 422, {**limits, "idle_stop": -1})
    call("PUT", "/admin/budget", 200, {"seconds": 7200, "serial": 1})
    call("PUT", "/admin/budget", 422, {"seconds": 7200})
    caller("GET", "/admin/keys", 401)


def a_full_machine(folder: Path, ollama: ScriptedOllama, witness: Witness) -> set[str]:
    """A queue and chats without a place, a report that is cancelled; returns the events that were seen."""
    gate = threading.Event()

    def chat(body: object) -> Iterator[dict[str, Any]]:
        yield from says("The company is profitable and steady.")[:1]
        gate.wait(20)
        yield from says("It sells products.")

    ollama.chat = lambda body: says("Good day.")
    with running(folder, ollama.host, queue_limit=1, chat_key_tokens=10) as backend:
        backend.wait_ready()
        with backend.client() as client:
            call = Caller(client, witness)
            call("POST", "/v1/chat/completions", 200, CHAT)
            call("POST", "/v1/chat/completions", 429, CHAT)
            ollama.chat = chat
            first = call("POST", "/reports", 202, SECTIONS).json()["id"]
            wait_for(lambda: backend.service.jobs.active)
            call("POST", "/reports", 202, {**SECTIONS, "ticker": "B"})
            for path in ("/reports", "/generate_report"):
                call("POST", path, 429, {**SECTIONS, "ticker": "C"})
            call("DELETE", f"/reports/{first}", 200)
            seen = streamed(witness, call("GET", f"/reports/{first}/events", 200).text)
            gate.set()
            return seen


def a_machine_that_begins_or_ends(folder: Path, ollama: ScriptedOllama, witness: Witness) -> None:
    ollama.load_gate.clear()
    with running(folder, ollama.host, chat_limit=0) as backend, backend.client() as client:
        call = Caller(client, witness)
        wait_for(lambda: client.get("/health").json()["progress"]["phase"] == "loading")
        call("GET", "/health", 503)
        call("POST", "/reports", 503, REQUEST)
        call("POST", "/generate_report", 503, REQUEST)
        call("POST", "/v1/chat/completions", 404, CHAT)
        ollama.load_gate.set()


def test_every_response_that_is_described_is_sent_and_valid(
    tmp_path: Path, ollama: ScriptedOllama, witness: Witness
) -> None:
    with running(tmp_path / "a", ollama.host) as backend, backend.client() as client, backend.client(ADMIN) as admin:
        backend.wait_ready()
        call = Caller(client, witness)
        open_routes(call)
        seen = reports(call, ollama)
        chats(call, ollama)
        keys(Caller(admin, witness), call)
    seen |= a_full_machine(tmp_path / "b", ollama, witness)
    a_machine_that_begins_or_ends(tmp_path / "c", ollama, witness)
    assert witness.described() - witness.seen == set()
    assert seen >= {"queued", "started", "section_started", "section", "done", "failed", "cancelled"}
