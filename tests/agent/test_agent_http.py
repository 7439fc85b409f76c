"""The agent's HTTP: one response for every wrong key, signed documents, events, health and metrics."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
import requests

from ert_deploy.agent import routes
from ert_deploy.agent.metrics import FAMILIES
from ert_deploy.app.deployment import Deployment
from tests.support.agent.served import KEY, LONG, Agent, agent, eventually
from tests.support.agent.shared import shared
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import world
from tests.support.fakes.sleep import asleep, awake

ROUTES = (("POST", "/wake"), ("GET", "/backend"), ("GET", "/events"), ("GET", "/metrics"), ("GET", "/nothing"))
SHAPE = {
    "version", "deployment", "phase", "stage", "progress", "eta_seconds", "price_per_hour_usd", "cost_to_ready_usd",
    "agreed_price_per_hour_usd", "contract_ends",
    "url", "certificate", "fingerprint", "generation", "can_publish", "reason", "at", "machine",
}  # fmt: skip


def named(name: str) -> Deployment:
    """Return a deployment of that name, of which nothing exists."""
    return shared(world(), desired=replace(WANTED, deployment=name))


@pytest.fixture(scope="module")
def one() -> Iterator[Agent]:
    with agent(shared(asleep())) as made:
        eventually(lambda: made.keepers[0].view.look)
        yield made


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_wrong_key_gets_the_same_answer(one: Agent, method: str, path: str) -> None:
    url = f"http://127.0.0.1:{one.port}{path}"
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY.reveal()}"},
        {"Authorization": f"Bearer {KEY.reveal()}x"},
        {"Authorization": KEY.reveal()},
    ]
    replies = [requests.request(method, url, headers=headers, timeout=LONG) for headers in wrong]
    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.content for reply in replies}) == 1
    assert replies[0].json() == {"success": False, "reason": "unauthorized", "error": "the key is wrong or missing"}
    assert one.keepers[0].counts.runs == {}


def test_its_health_is_open(one: Agent) -> None:
    reply = requests.get(f"http://127.0.0.1:{one.port}/healthz", timeout=LONG)
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "deployments": 1})


def test_the_document_says_how_far_it_is_and_what_waking_would_take(one: Agent) -> None:
    found = one.backend()
    assert set(found) == SHAPE
    assert (found["version"], found["deployment"], found["phase"]) == (1, "ert", "asleep")
    assert (found["url"], found["certificate"], found["fingerprint"], found["stage"]) == (None, None, None, None)
    assert found["machine"] is None
    left, price = found["eta_seconds"], found["price_per_hour_usd"]
    assert 0 < left["p50"] < left["p95"] < 900
    assert found["cost_to_ready_usd"] == pytest.approx(price * left["p50"] / 3600, abs=1e-3)
    assert found["generation"] > 0
    assert found["can_publish"] is True
    assert datetime.fromisoformat(found["at"]).tzinfo is not None


def test_a_document_is_signed_for_the_nonce_of_its_request(one: Agent) -> None:
    nonce = "abcd_EFG-0123"
    reply = one.call("GET", "/backend", **{"X-Ert-Nonce": nonce})
    made = hmac.new(KEY.reveal().encode(), f"{nonce}\n".encode() + reply.content, hashlib.sha256)
    assert reply.headers["X-Ert-Signature"] == f"v1={made.hexdigest()}"
    other = one.call("GET", "/backend", **{"X-Ert-Nonce": "another-nonce"})
    assert other.headers["X-Ert-Signature"] != reply.headers["X-Ert-Signature"]
    assert "X-Ert-Signature" not in one.call("GET", "/backend").headers


@pytest.mark.parametrize("nonce", ["short", "x" * 65, "with a space", "new=line"])
def test_a_nonce_that_is_none_is_refused(one: Agent, nonce: str) -> None:
    reply = one.call("GET", "/backend", **{"X-Ert-Nonce": nonce})
    assert (reply.status_code, reply.json()["reason"]) == (422, "nonce")


def test_a_method_or_path_that_is_none_is_refused(one: Agent) -> None:
    assert one.call("GET", "/wake").status_code == 405
    assert one.call("GET", "/nothing").status_code == 404


def test_one_of_several_deployments_has_to_be_named() -> None:
    with agent(named("one"), named("two")) as several:
        eventually(lambda: all(keeper.view.look for keeper in several.keepers))
        for method, path in ROUTES[:3]:
            reply = several.call(method, path)
            assert (reply.status_code, reply.json()["reason"]) == (422, "ambiguous_deployment")
            reply = several.call(method, f"{path}?deployment=three")
            assert (reply.status_code, reply.json()["reason"]) == (404, "unknown_deployment")
        assert several.call("GET", "/backend?deployment=two").json()["deployment"] == "two"
        assert several.call("GET", "/healthz").json()["deployments"] == 2
        metrics = several.call("GET", "/metrics").text
    assert 'ert_agent_phase{deployment="one",phase="gone"} 1.0' in metrics
    assert 'ert_agent_phase{deployment="two",phase="asleep"} 0.0' in metrics


def test_an_event_is_the_document_at_once_and_after_a_change() -> None:
    with agent(shared(asleep())) as one:
        eventually(lambda: one.keepers[0].view.look)
        shown = {"Authorization": f"Bearer {KEY.reveal()}"}
        with requests.get(f"http://127.0.0.1:{one.port}/events", headers=shown, stream=True, timeout=LONG) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            lines = stream.iter_lines(decode_unicode=True)
            phases = [_next(lines)["phase"]]
            one.wake()
            while phases[-1] != "ready":
                phases.append(_next(lines)["phase"])
    assert (phases[0], phases[-1]) == ("asleep", "ready")
    assert set(phases) <= {"asleep", "waking", "ready"}


def test_a_stream_without_changes_is_kept_alive_and_their_number_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "KEEP_ALIVE", 0.05)
    monkeypatch.setattr(routes, "MOST_STREAMS", 1)
    shown = {"Authorization": f"Bearer {KEY.reveal()}"}
    with agent(shared(asleep())) as one:
        url = f"http://127.0.0.1:{one.port}/events"
        with requests.get(url, headers=shown, stream=True, timeout=LONG) as stream:
            lines = stream.iter_lines(decode_unicode=True)
            _next(lines)
            assert (next(lines), next(lines)) == (": keep-alive", "")
            reply = one.call("GET", "/events")
            assert (reply.status_code, reply.json()["reason"]) == (503, "streams")
        eventually(lambda: _opens(url, shown))


def _opens(url: str, shown: dict[str, str]) -> bool:
    """Whether another stream may begin, as the one before is closed."""
    with requests.get(url, headers=shown, stream=True, timeout=LONG) as stream:
        return stream.status_code == 200


def _next(lines: Iterator[str]) -> dict[str, str]:
    """Return the next document of a stream."""
    assert next(lines) == "event: backend"
    found: dict[str, str] = json.loads(next(lines).removeprefix("data: "))
    assert next(lines) == ""
    return found


def test_the_metrics_are_those_of_the_table() -> None:
    with agent(shared(awake())) as one:
        eventually(lambda: one.keepers[0].view.look)
        text = one.call("GET", "/metrics").text
        assert 'ert_agent_phase{deployment="ert",phase="ready"} 1.0' in text
        assert 'ert_agent_price_usd_per_hour{deployment="ert"} 0.20' in text
        assert 'ert_agent_wakes_last_hour{deployment="ert"} 1.0' in text
        assert 'ert_agent_look_errors_total{deployment="ert"} 0.0' in text
        assert "process_resident_memory_bytes" in text
        for family in FAMILIES:
            kind = family.name + ("_total" if family.kind == "counter" else "")
            assert f"# TYPE {kind} {family.kind}" in text


def test_no_document_has_a_key_of_the_backend() -> None:
    made = awake()
    key = made.web.services["dash"].env[WANTED.targets[0].names.key].reveal()
    with agent(shared(made)) as one:
        eventually(lambda: one.backend()["phase"] == "ready")
        found = one.backend()
        assert key not in json.dumps(found) + one.call("GET", "/metrics").text
    shown = made.web.shown("dash", WANTED.targets[0])
    assert (found["fingerprint"], found["eta_seconds"], found["cost_to_ready_usd"]) == (shown, None, None)
