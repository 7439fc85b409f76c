"""Vast.ai server: an offer search, instances that run locally, and a bill, on loopback.

The official SDK works with `server_url=double.url`, the official command line with VAST_URL. Operations for faults:
logs, execute, result, and those of `api/routes.py`. For `trouble`, see `faults.py`.

Its only secrets are random keys created here, and it opens no connections. Prices are per `WorldClock` second. Its
machines reach loopback only, whatever a client requests, and use this server as the provider: their `ERT_VAST_API` is
`double.url`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.httpd.faults import Faults
from ert_deploy.sandbox.httpd.server import Handler, Reply, Request, Router, Server
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.machines import Command
from ert_deploy.sandbox.vast import instances as handlers
from ert_deploy.sandbox.vast import logs as vast_logs
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.admin import active, retime, switch_off, switch_on
from ert_deploy.sandbox.vast.api.routes import routes
from ert_deploy.sandbox.vast.auth import Intervals, authorize
from ert_deploy.sandbox.vast.billing import Bill, Transfer
from ert_deploy.sandbox.vast.container_env import GUARD, Site
from ert_deploy.sandbox.vast.contract import Order
from ert_deploy.sandbox.vast.market import Ask, make_market
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.wire import Json, Refusal

TICK = 0.05  # real seconds


class VastDouble:
    """The provider. `directory` is for its files; `images` contains `llm-backend`, `models` the GGUF files.

    `command` is run by each machine (default: the guard of the GPU image), a list or a function of the environment.
    """

    def __init__(
        self,
        clock: WorldClock,
        directory: Path,
        key: str,
        *,
        images: Path,
        models: Path | None = None,
        seed: int = 1,
        command: Command | None = None,
        options: Options | None = None,
        market: tuple[Ask, ...] | None = None,
    ) -> None:
        options = options or Options()
        asks = make_market(seed, clock.now(), bad_hosts=options.bad_hosts) if market is None else market
        self.faults = Faults()
        router = Router(self._guarded)
        self._server = Server(router, self.faults, options.port, clock.now, json_type="application/json")
        site = Site(images, models, clock.speed, self._server.url, options.machine_env)
        self.clock = clock
        self._estate = Estate(
            clock, asks=asks, directory=directory, site=site, command=command or GUARD, options=options, seed=seed
        )
        self._key = key
        self._results = vast_logs.Results()
        self._intervals = Intervals()
        self._results.base = self._server.url
        self._fill(router)
        self._closing = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    @property
    def url(self) -> str:
        """Base URL without a path, such as `https://console.vast.ai`."""
        return self._server.url

    def start(self) -> VastDouble:
        """Start serving and the background thread; return the instance."""
        self._server.start()
        self._ticker.start()
        return self

    def stop(self) -> None:
        """Close the port and terminate all machines and threads."""
        self._closing.set()
        self._server.stop()
        if self._ticker.is_alive():
            self._ticker.join(10)
        with self._estate.lock:
            self._estate.machines.stop()

    def add_instance(
        self, ask: Ask, order: Order, *, id: int, ports: Mapping[str, int], disk: Path, running: bool = True
    ) -> None:
        """Add an instance that was rented before the start, with a copy of the directory `disk` as its disk.

        `ports` maps "8443/tcp" to the external port. Raises `OSError` when one is in use, `ValueError` for a known id.
        """
        with self._estate.lock:
            if id in self._estate.contracts:
                raise ValueError(f"instance {id} exists already")
            shutil.copytree(disk, self._estate.machines.disk(id), dirs_exist_ok=True)
            self._estate.add(ask, order, id=id, ports=ports, running=running)

    def trouble(self, value: Mapping[str, Any]) -> None:
        """Activate a fault; the kind `calm` clears faults instead. Raises `ValueError` if it is invalid."""
        if value.get("kind") == "calm":
            self.calm(value.get("only"))
            return
        with self._estate.lock:
            self._estate.tick()
            switch_on(self._estate, self.faults, value)

    def calm(self, kind: str | None = None) -> None:
        """Clear the active faults (of one kind), and the pending faults of the server unless a kind is given."""
        with self._estate.lock:
            self._estate.tick()
            self._estate.troubles.clear(kind)
            if kind in (None, "market"):
                self._estate.set_knobs(self._estate.options.knobs)
            retime(self._estate)
        if kind is None:
            self.faults.clear()

    def end_trouble(self, kind: str) -> None:
        """End one kind of fault. Raises `ValueError` for an unknown kind and for one that is over at once."""
        with self._estate.lock:
            self._estate.tick()
            switch_off(self._estate, self.faults, kind)

    def active_troubles(self) -> set[str]:
        """Return the kinds of faults that are still active."""
        with self._estate.lock:
            self._estate.tick()
            return active(self._estate, self.faults)

    def pending(self) -> Json:
        """Return the active and pending faults as JSON."""
        with self._estate.lock:
            return {"troubles": self._estate.troubles.pending(), "faults": self.faults.pending()}

    def bill(self) -> Bill:
        """Return the current bill of all instances."""
        with self._estate.lock:
            self._estate.tick()
            return self._estate.bill()

    def instances(self) -> list[Json]:
        """Return all existing instances in the format of the API, including secrets of the containers."""
        with self._estate.lock:
            self._estate.tick()
            return handlers.rows(self._estate)

    def pids(self) -> dict[int, int]:
        """Return the `pid` of each instance with a running process."""
        with self._estate.lock:
            pids = {c.id: self._estate.machines.pid(c.id) for c in self._estate.contracts.values()}
        return {id: pid for id, pid in pids.items() if pid is not None}

    def asks(self) -> tuple[Ask, ...]:
        """Return all offers, including their hidden `flaw`."""
        return tuple(self._estate.asks.values())

    def downloaded(self, instance_id: int, gigabytes: float) -> None:
        """Bill an actual download instead of the assumed model size. Raises `KeyError` for an unknown instance."""
        with self._estate.lock:
            self._estate.tick()
            contract, now = self._estate.contracts[instance_id], self._estate.clock.now()
            self._estate.life.forget_model(contract, now)
            price = contract.ask.inet_down_cost
            contract.meter.transfers.append(Transfer(now - 1.0, gigabytes, gigabytes, price, end=now))

    def _tick(self) -> None:
        while not self._closing.wait(TICK):
            with self._estate.lock:
                self._estate.tick()

    def _fill(self, router: Router) -> None:
        for method, pattern, operation, handler in routes():
            router.add(method, pattern, operation, partial(handler, self._estate))
        logs = (("request_logs", "logs", vast_logs.request_logs), ("command", "execute", vast_logs.execute))
        for path, operation, log_handler in logs:
            bound = partial(log_handler, self._estate, self._results)
            router.add("PUT", f"/api/v0/instances/{path}/{{id}}/", operation, bound)
        router.add("GET", "/instance_logs/{name}", "result", self._result)

    def _guarded(self, request: Request, handler: Handler) -> Reply:
        try:
            with self._estate.lock:
                self._estate.tick()
                if self._estate.options.rate_limits:
                    refused = self._intervals.check(request, self._estate.clock.now())
                    if refused is not None:
                        return refused
                authorize(self._estate, self._key, request)
                return handler(request)
        except Refusal as refusal:
            return refusal.reply()

    def _result(self, request: Request) -> Reply:
        return self._results.get(request.params["name"], self._estate.clock.now())
