"""Recorded responses of Render, a RenderWeb that uses them, and a clock that advances only on sleep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.web import RenderWeb
from tests.support.doubles.scripted_http import Answer, Answers, Script, scripted
from tests.support.fakes.timing import FakeClock

CANARY = "rnd_CanaryCanaryCanary"
SERVICE = "srv-cu2k4j3qf0us73fbv7u0"
DEPLOY = "dep-cu2k4o3qf0us73fbv9eg"
BASE = f"/v1/services/{SERVICE}"
ENV, DEPLOYS = f"{BASE}/env-vars", f"{BASE}/deploys"
ONE_DEPLOY = f"{DEPLOYS}/{DEPLOY}"
QUICK = Bounds(connect=2, read=0.5, total=1.0)


@contextmanager
def render(answers: Answers, bounds: Bounds = QUICK) -> Iterator[tuple[RenderWeb, Script]]:
    """Return a RenderWeb that is connected to a scripted Render."""
    with scripted(answers) as script:
        yield RenderWeb(Secret(CANARY), script.url + "/v1", FakeClock(1_736_786_600.0), bounds), script


def service(**changes: Any) -> dict[str, Any]:
    """Return a web service with the nulls of the recording."""
    return {
        "id": SERVICE,
        "type": "web_service",
        "name": "ert-dashboard",
        "ownerId": "tea-cu2k4i3qf0us73fbv7t0",
        "suspended": "not_suspended",
        "suspenders": [],
        "createdAt": "2024-12-02T18:20:54.838338Z",
        "serviceDetails": {
            "url": "https://ert-dashboard.onrender.com",
            "plan": "starter",
            "openPorts": None,
            "disk": None,
            "healthCheckPath": "",
        },
        **changes,
    }


def deploy(**changes: Any) -> dict[str, Any]:
    """Return a deploy of an image as recorded: no commit, not finished."""
    return {
        "id": DEPLOY,
        "commit": None,
        "status": "update_in_progress",
        "trigger": "api",
        "createdAt": "2025-01-13T16:43:26.621976Z",
        "updatedAt": "2025-01-13T16:43:26.784225Z",
        "finishedAt": None,
        **changes,
    }


def page(wrapper: str, *items: object, start: int = 0) -> Answer:
    """Return one page of a list, with a cursor per item."""
    return Answer(200, [{wrapper: item, "cursor": f"c{start + n}"} for n, item in enumerate(items)])


def variable(name: str, value: object) -> dict[str, object]:
    """Return one environment variable."""
    return {"key": name, "value": value}


EMPTY = Answer(200, [])
