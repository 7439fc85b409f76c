"""The control server: authentication, its output, and how faults and troubles are requested."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.world.control import ControlServer


class Side:
    """Implements the part of a provider that the control server uses."""

    def __init__(self) -> None:
        self.faults, self.troubles = Faults(), list[dict[str, Any]]()

    def trouble(self, what: dict[str, Any]) -> None:
        if what.get("kind") == "nonsense":
            raise ValueError("unknown trouble 'nonsense'")
        self.troubles.append(what)

    def end_trouble(self, kind: str) -> None:
        self.troubles = [one for one in self.troubles if one["kind"] != kind]

    def active_troubles(self) -> set[str]:
        return {one["kind"] for one in self.troubles}

    def bill(self) -> Side:
        return self

    def as_dict(self) -> dict[str, Any]:
        return {"total": 0.5, "running": []}

    def instances(self) -> list[Any]:
        return [{"id": 7}]

    def inspect(self) -> dict[str, Any]:
        return {"services": []}


class Panel:
    """A running control server and its components."""

    def __init__(self) -> None:
        self.vast, self.render, self.asked = Side(), Side(), threading.Event()
        self.server = ControlServer(WorldClock(speed=20.0), self.vast, self.render, self.asked.set).start()

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.server.key}"}
        return requests.request(method, self.server.url + path, timeout=5, **{"headers": headers, **more})


@pytest.fixture
def panel() -> Iterator[Panel]:
    panel = Panel()
    yield panel
    panel.server.stop()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
@pytest.mark.parametrize(("method", "path"), [("GET", "/bill"), ("POST", "/stop"), ("GET", "/nowhere")])
def test_nobody_gets_in_without_the_key(panel: Panel, headers: dict[str, str], method: str, path: str) -> None:
    answer = panel.call(method, path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})
    assert not panel.asked.is_set()


def test_the_bill_and_the_state_are_shown(panel: Panel) -> None:
    assert panel.call("GET", "/bill").json() == {"total": 0.5, "running": []}
    state = panel.call("GET", "/state").json()
    assert state["machines"] == [{"id": 7}]
    assert state["services"] == {"services": []}
    assert state["speed"] == 20.0
    assert state["faults"] == {"vast": [], "render": []}
    assert state["time"].endswith("Z")


def test_a_fault_goes_to_its_provider(panel: Panel) -> None:
    order = {"provider": "render", "operation": "create_deploy", "when": "after", "reset": True, "count": 2}
    assert panel.call("POST", "/faults", json=order).json() == {
        "pending": [{"operation": "create_deploy", "skip": 0, "count": 2}]
    }
    assert panel.vast.faults.pending() == []
    assert panel.render.faults.take("create_deploy") == Fault("create_deploy", when="after", reset=True, count=2)
    assert panel.call("POST", "/faults", json={"provider": "render", "clear": True}).json() == {"pending": []}


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"provider": "aws", "operation": "x"}, "provider must be one of vast, render, not 'aws'"),
        ({"provider": "vast", "wen": "after", "operation": "x"}, "unknown fault fields: wen"),
        ({"provider": "vast", "status": 500}, "a fault needs an operation"),
        ({"provider": "vast", "operation": "x", "when": "later"}, "when must be before, after or late"),
        (["vast"], "the body must be a JSON object"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(panel: Panel, order: Any, problem: str) -> None:
    answer = panel.call("POST", "/faults", json=order)
    assert answer.status_code == 400
    assert problem in answer.json()["error"]
    assert panel.vast.faults.pending() == []


def test_a_body_that_is_no_json_is_refused(panel: Panel) -> None:
    assert panel.call("POST", "/trouble", data="{").status_code == 400


def test_trouble_goes_to_its_provider(panel: Panel) -> None:
    assert panel.call("POST", "/trouble", json={"provider": "vast", "kind": "outbid"}).json() == {"ok": True}
    assert (panel.vast.troubles, panel.render.troubles) == ([{"kind": "outbid"}], [])
    refused = panel.call("POST", "/trouble", json={"provider": "vast", "kind": "nonsense"})
    assert (refused.status_code, refused.json()) == (400, {"error": "unknown trouble 'nonsense'"})


def test_the_kinds_are_listed_with_what_is_on_and_one_can_be_ended(panel: Panel) -> None:
    panel.call("POST", "/trouble", json={"provider": "render", "kind": "crash"})
    listed = {one["name"]: one["on"] for one in panel.call("GET", "/trouble").json()["kinds"]}
    assert (listed["render/crash"], listed["vast/crash"], listed["outbid"]) == (True, False, False)
    assert panel.call("POST", "/trouble", json={"provider": "render", "kind": "crash", "end": True}).json() == {
        "ok": True
    }
    assert panel.render.troubles == []


def test_stop_asks_the_world_to_end(panel: Panel) -> None:
    assert panel.call("POST", "/stop").status_code == 202
    assert panel.asked.is_set()
