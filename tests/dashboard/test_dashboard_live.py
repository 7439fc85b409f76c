"""Live updates: ERT's events over Socket.IO; cross-site connections are rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ert_dashboard.web.app import Dashboard
from ert_dashboard.web.live import SocketLimit
from tests.support.dashboard.following import ask, ended

Start = Callable[[dict[str, str]], Dashboard]


@pytest.fixture
def page(dashboard: Dashboard) -> Iterator[Any]:
    found = dashboard.socketio.test_client(dashboard.app)
    yield found
    if found.is_connected():
        found.disconnect()


def received(page: Any, name: str) -> list[dict[str, Any]]:
    return [event["args"][0] for event in page.get_received() if event["name"] == name]


def test_a_new_page_gets_the_status_at_once_and_on_request(page: Any) -> None:
    (status,) = received(page, "status_update")
    assert (status["configuration"], status["queue_size"], status["reports"]) == ("complete", 0, [])
    page.emit("request_status")
    page.emit("request_status", {"anything": [1]})
    assert len(received(page, "status_update")) == 2


def test_a_report_is_told_from_the_queue_to_the_end(page: Any, client: Any) -> None:
    report_id = ask(client)
    ended(client, report_id)
    events = page.get_received()
    updates = [event["args"][0] for event in events if event["name"] == "report_update"]
    assert {update["report_id"] for update in updates} == {report_id}
    statuses = list(dict.fromkeys(update["data"]["status"] for update in updates))
    assert statuses[0] == "queued"
    assert statuses[-1] == "completed"
    assert "generating_sections" in statuses
    progress = [update["data"]["progress"] for update in updates]
    assert progress == sorted(progress)
    (completed,) = [event["args"][0] for event in events if event["name"] == "report_completed"]
    assert (completed["report_id"], completed["success"]) == (report_id, True)
    assert completed["data"]["word_count"] > 0
    assert "sections" not in completed["data"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 200), ({"Origin": "http://localhost"}, 200), ({"Origin": "https://evil.example"}, 403)],
)
def test_only_the_own_host_may_connect(client: Any, headers: dict[str, str], status: int) -> None:
    answer = client.get("/socket.io/?EIO=4&transport=polling", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("Access-Control-Allow-Origin") in (None, headers.get("Origin"))


@pytest.mark.parametrize("query", ["", "?EIO=3", "?EIO=4&transport=nonsense", "?EIO=4&transport=polling&sid=unknown"])
def test_nonsense_is_refused_without_a_5xx(client: Any, query: str) -> None:
    assert 400 <= client.get(f"/socket.io/{query}").status_code < 500
    assert 400 <= client.post(f"/socket.io/{query}", data=b"\xff" * 100).status_code < 500


def test_open_pages_cannot_use_up_all_threads() -> None:
    answers: list[str] = []

    def inner(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ.get("nested"):
            return [b"inner"]
        second = {"PATH_INFO": "/socket.io/", "nested": True}
        limited(second, lambda status, headers: answers.append(status))
        limited({"PATH_INFO": "/health", "nested": True}, lambda status, headers: answers.append("unlimited"))
        return [b"outer"]

    limited = SocketLimit(inner, 1)
    assert limited({"PATH_INFO": "/socket.io/"}, lambda *_: None) == [b"outer"]
    assert answers == ["429 Too Many Requests"]
    assert limited({"PATH_INFO": "/socket.io/", "nested": True}, lambda *_: None) == [b"inner"]
