"""Requests reports and waits for their results, like the web page does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

FINISHED = {"completed", "failed", "aborted"}


def until(condition: Callable[[], Any], seconds: float = 10, every: float = 0.02) -> Any:
    """Return the first true value of `condition()`, asked for `every` so many seconds; fail after `seconds`."""
    pause = threading.Event()
    for _ in range(int(seconds / every)):
        found = condition()
        if found:
            return found
        pause.wait(every)
    raise AssertionError("it did not come true in time")


def ask(client: Any, ticker: str = "AAPL") -> str:
    answer = client.post("/api/generate", json={"ticker": ticker})
    assert answer.status_code == 200, answer.json
    return str(answer.json["report_id"])


def data(client: Any, report_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/reports/{report_id}").json["data"]
    return found


def ended(client: Any, report_id: str, seconds: float = 10) -> dict[str, Any]:
    """Return the report's data once it is completed, failed or aborted."""
    until(lambda: data(client, report_id)["status"] in FINISHED, seconds, 0.05)
    return data(client, report_id)
