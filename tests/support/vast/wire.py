"""A scripted Vast on loopback: one configured response per operation; every request is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.httpd.faults import Faults
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server
from tests.support.fakes.timing import FakeClock

KEY = Secret("vast-canary-0123456789")
TOKEN = "0123456789abcdef0123456789abcdef"
ARMED = {"ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}
LAUNCH = Launch("img/backend:1", "gpt-oss:20b", disk_gb=40)


class Clock(FakeClock):
    """Virtual time that records every sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        super().sleep(seconds)


@dataclass
class Wire:
    """A scripted Vast: responses per operation, and the requests received."""

    server: Server
    host: VastHost
    clock: Clock
    faults: Faults
    replies: dict[str, Callable[[Request], Reply]] = field(default_factory=dict)
    got: list[Request] = field(default_factory=list)
    world_time: float = 1_700_000_000.0

    def says(self, operation: str, value: Any, status: int = 200) -> None:
        self.replies[operation] = lambda _: Reply.json(value, status)

    def answer(self, request: Request) -> Reply:
        self.got.append(request)
        return self.replies[request.operation](request)


@contextmanager
def scripted() -> Iterator[Wire]:
    """Run a scripted Vast without responses, and a client of it on virtual time."""
    router, faults, clock = Router(), Faults(), Clock()
    server = Server(router, faults, now=lambda: 1_700_000_000.0).start()
    w = Wire(server, VastHost(KEY, server.url, clock), clock, faults)
    for method, path, operation in (
        ("GET", "/api/v0/users/current", "user"),
        ("GET", "/api/v1/instances/", "list"),
        ("GET", "/api/v0/instances/{id}/", "show"),
        ("DELETE", "/api/v0/instances/{id}/", "destroy"),
        ("PUT", "/api/v0/instances/{id}/", "manage"),
        ("POST", "/api/v0/bundles/", "search"),
        ("PUT", "/api/v0/asks/{id}/", "create"),
    ):
        router.add(method, path, operation, w.answer)
    yield w
    server.stop()


def row(number: int = 7, **changes: Any) -> dict[str, Any]:
    """Return an instance in the format of Vast's list while it runs."""
    return {
        "id": number,
        "label": f"ert1:ert:{TOKEN}",
        "extra_env": [["ERT_DEPLOYMENT", "ert"], ["ERT_TOKEN", TOKEN], ["ERT_BOOT_SECRET", "s"], ["ERT_SPEC", "x"]],
        "actual_status": "running",
        "intended_status": "running",
        "cur_state": "running",
        "status_msg": "success, running img/backend",
        "machine_id": 11,
        "gpu_name": "RTX 3090",
        "dph_total": 0.21,
        "start_date": 1700000000.5,
        "public_ipaddr": "203.0.113.9 \n",
        "ports": {"8443/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40123"}, {"HostIp": "::", "HostPort": "40123"}]},
        **changes,
    }


def order(offer_id: int = 5, launch: Launch = LAUNCH) -> CreateOrder:
    """Return an order for an instance with a token and limits of its own."""
    return CreateOrder(str(offer_id), launch, Mark("ert", TOKEN), {"ERT_TOKEN": TOKEN, **ARMED})


def page(*rows: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Return a list of just these."""
    return {"success": True, "instances": list(rows), "total_instances": len(rows), "next_token": None, **extra}
