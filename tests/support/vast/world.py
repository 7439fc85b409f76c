"""The sandbox's Vast with a minimal script instead of the GPU image, and the official SDK as its client."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from vastai import VastAI

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.machines import Command
from ert_deploy.sandbox.vast.market import Ask
from ert_deploy.sandbox.vast.options import Options, Pace
from ert_deploy.sandbox.vast.server import VastDouble

KEY = "account-key-for-tests"
SPEED = 400.0
ENV = {"ERT_MODEL": "gpt-oss:20b", "GREETING": "hello", "-p 8443:8443": "1"}
# Logs its environment, then sleeps until it is terminated.
PROGRAM = (
    "import json, os, signal, sys\n"
    "print(json.dumps(dict(os.environ)), flush=True)\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "signal.pause()\n"
)
# A real backend needs the default grace period of 10 s; the script needs none.
PACE = Pace(stop_grace=1.0, destroy_grace=1.0)
GOOD = {"verified": {"eq": True}, "num_gpus": {"eq": 1}, "gpu_ram": {"gte": 22500, "lt": 30000}}


def python(program: str) -> list[str]:
    """Return the command that runs Python code with the shortest start-up."""
    return [sys.executable, "-S", "-E", "-c", program]


class Renter:
    """One account: the server, the SDK, and the requests of a client."""

    def __init__(self, double: VastDouble) -> None:
        self.double = double
        self.sdk: Any = VastAI(api_key=KEY, server_url=double.url, retry=1)

    def offers(self, **filters: Any) -> list[dict[str, Any]]:
        """Search for the offers that a careful renter would accept, by price, with further filters."""
        found: list[dict[str, Any]] = self.sdk.search_offers({**GOOD, **filters}, order="dph_total", storage=40)
        return found

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a create body as sent by the SDK."""
        plain = {"client_id": "me", "image": "ghcr.io/x/llm:1", "env": ENV, "disk": 40, "label": None, "price": None}
        return {**plain, "runtype": "args", "cancel_unavail": True, **changes}

    def put(self, path: str, body: Any, key: str | None = KEY) -> requests.Response:
        """Send a PUT that may be rejected."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.put(f"{self.double.url}/api/v0{path}", json=body, headers=headers, timeout=10)

    def get(self, path: str, key: str | None = KEY, **params: Any) -> requests.Response:
        """Send a GET that may be rejected."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.get(f"{self.double.url}/api{path}", params=params, headers=headers, timeout=10)

    def create(self, offer: int, **changes: Any) -> requests.Response:
        """Send one create call, whatever the response."""
        return self.put(f"/asks/{offer}/", self.body(**changes))

    def rent(self, offer: int | None = None, **changes: Any) -> int:
        """Rent an offer (by default the first by price); return the instance's id."""
        answer = self.create(self.offers()[0]["id"] if offer is None else offer, **changes)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["new_contract"])

    def row(self, id: int) -> dict[str, Any]:
        """Return the instance as in the response of `show`."""
        row: dict[str, Any] = self.get(f"/v0/instances/{id}/", owner="me").json()["instances"]
        return row

    def status(self, id: int) -> str | None:
        """Return the current `actual_status`."""
        status: str | None = self.row(id)["actual_status"]
        return status

    def until(self, id: int, status: str | None) -> dict[str, Any]:
        """Return the instance once it has this status."""
        until(lambda: self.status(id) == status)
        return self.row(id)

    def running(self, **changes: Any) -> int:
        """Rent the first offer by price and wait until it runs."""
        id = self.rent(**changes)
        self.until(id, "running")
        return id


@contextmanager
def renting(
    program: str = PROGRAM,
    speed: float = SPEED,
    *,
    command: Command | None = None,
    market: tuple[Ask, ...] | None = None,
    **options: Any,
) -> Iterator[Renter]:
    """Run a market during the block; all processes are stopped afterwards. No rate limits."""
    options.setdefault("rate_limits", False)
    with tempfile.TemporaryDirectory() as folder:
        double = VastDouble(
            WorldClock.behind(speed),
            Path(folder),
            KEY,
            images=Path(folder),
            command=command or python(program),
            market=market,
            options=Options(pace=PACE, **options),
        )
        try:
            yield Renter(double.start())
        finally:
            double.stop()


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until a condition is true; fail after so many real seconds."""
    clock, end = WorldClock(), time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        clock.sleep(0.01)


def environment(renter: Renter, id: int) -> dict[str, str]:
    """Return the environment that the machine's script has written to its log."""
    until(lambda: bool(renter.sdk.logs(id, tail="1").strip()))
    found: dict[str, str] = json.loads(renter.sdk.logs(id, tail="1"))
    return found
