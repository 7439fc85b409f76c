"""Render server: the REST API, and services that run locally, on loopback.

Clients of Render's API get the same fields, statuses, headers, limits and delays; browsers that open the URL of a
service get the real application, started with only the environment of its deploy. Single calls fail through `faults`
(by operation name, see the route tables), the platform through `trouble` (table in `faults`). Not implemented: jobs,
cron jobs, static sites, projects, Blueprints, webhooks, log streams, metrics; see `docs/sandbox.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ert_deploy.sandbox.httpd.faults import Faults
from ert_deploy.sandbox.httpd.server import Router, Server
from ert_deploy.sandbox.render import faults
from ert_deploy.sandbox.render.api import (
    account,
    datastores,
    deploys,
    disks,
    domains,
    env_groups,
    env_vars,
    events,
    instances,
    secret_files,
    services,
)
from ert_deploy.sandbox.render.api.env_vars import replace_variables
from ert_deploy.sandbox.render.fleet import Fleet
from ert_deploy.sandbox.render.middleware import RouterMiddleware
from ert_deploy.sandbox.render.models import Deploy, Policy, Profile, Service, Timeline
from ert_deploy.sandbox.render.platform import Platform
from ert_deploy.sandbox.render.process import Command, ProcessBook
from ert_deploy.sandbox.render.proxy import Proxies
from ert_deploy.sandbox.render.store import Store
from ert_deploy.sandbox.render.supervisor import Keeper
from ert_deploy.sandbox.render.user_app import AppDeployer, UserApp
from ert_deploy.sandbox.render.workers import Workers
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.servers import Server as StoreServer

BASE = "/v1"
MODULES = (
    *(account, services, instances, env_vars, secret_files, env_groups, deploys, events),
    *(domains, disks, datastores),
)
FIRST_DEPLOY_REAL_SECONDS = 60.0
FIRST_BUILD_REAL_SECONDS = 240.0


class RenderDouble:
    """One workspace with its services. `start` before use; `stop` terminates all instances and closes all ports."""

    def __init__(
        self,
        clock: WorldClock,
        directory: Path,
        key: str,
        *,
        images: Path,
        profile: Profile = "as_recorded",
        policy: Policy = "wait",
        command: Command | None = None,
        app: UserApp | None = None,
        timeline: Timeline | None = None,
        reset_as_epoch: bool = False,
    ) -> None:
        """`command` maps a port to the command line of a service; without it, that is the service's start command.

        It runs in `images/dashboard` if that exists. With `app`, its commands are run in its folder instead.
        """
        timeline, dashboard = timeline or Timeline(), images / "dashboard"
        directory.mkdir(parents=True, exist_ok=True)
        self._clock, self._workers, self._proxies = clock, Workers(), Proxies()
        self._store = Store(clock, policy)
        fleet = Fleet(
            self._store,
            timeline,
            self._workers,
            ProcessBook(directory),
            app.command if app else command,
            app.folder if app else dashboard if dashboard.is_dir() else images,
            directory / "disks",
        )
        deployer = AppDeployer(self._store, fleet, timeline, app)
        self._app, self._directory = app, directory
        self._servers: list[StoreServer] = []
        self.faults = Faults()
        router = Router(RouterMiddleware(clock, key, reset_as_epoch))
        self._server = Server(router, self.faults)
        keeper, site = Keeper(fleet), self._server.url
        self._platform = Platform(self._store, fleet, deployer, keeper, self._proxies, profile, site)
        for module in MODULES:
            for method, path, operation, handler in module.ROUTES:
                router.add(method, BASE + path, operation, partial(handler, self._platform))

    @property
    def url(self) -> str:
        """Base URL of the API, including `/v1`."""
        return self._server.url + BASE

    @property
    def owner_id(self) -> str:
        """Id of the workspace."""
        return self._store.owner_id

    def start(self) -> RenderDouble:
        """Start serving and return the instance."""
        self._proxies.start()
        self._workers.start(self._platform.keeper.run)
        self._server.start()
        return self

    def stop(self) -> None:
        """Terminate all instances, wait for all threads and close all ports."""
        self._store.closing.set()
        self._server.stop()
        for service in list(self._store.services.values()):
            self._platform.deployer.cancel_all(service)
        self._platform.fleet.stop()
        self._workers.join()
        # A deploy that was booting may have started its process after the first call.
        self._platform.fleet.stop()
        self._proxies.stop()
        for server in self._servers:
            server.stop()

    def add_datastore(self, kind: Literal["dpg", "red"], name: str) -> str:
        """Add a PostgreSQL database or a key value store with a real server, and return its URL.

        Raises `MissingProgram` where this machine lacks it, and `RuntimeError` if it does not start.
        """
        server, url = datastores.serve(self._platform, kind, name, self._directory)
        self._servers.append(server)
        return url

    def add_service(
        self,
        name: str,
        env: Mapping[str, str],
        *,
        service_id: str | None = None,
        deploy_id: str | None = None,
        worker: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a service that is already built and live, with `details` that differ from the default. Return its id.

        Missing ids are generated. Raises `RuntimeError` with the last lines of output when the first deploy fails or
        takes more than a minute, or four with the build of an `app`.
        """
        service = self._platform.add(name, service_id)
        service.worker = worker
        service.details.update({**(self._app.details() if self._app else {}), **(details or {})})
        replace_variables(self._platform, service, dict(env))
        deploy = self._platform.deployer.request(service, trigger="manual", at_once=True, deploy_id=deploy_id)
        patience = FIRST_BUILD_REAL_SECONDS if self._app else FIRST_DEPLOY_REAL_SECONDS
        deadline = self._clock.now() + patience * self._clock.speed
        while deploy.in_flight and self._clock.now() < deadline:
            self._clock.wait(self._store.closing, 0.02 * self._clock.speed)
        if deploy.status != "live":
            tail = [line.message for line in list(self._store.logs) if line.service_id == service.id][-20:]
            raise RuntimeError("\n".join([f"service {name}: first deploy finished as {deploy.status}", *tail]))
        return service.id

    def app_url(self, service_id: str) -> str:
        """Return the public URL of a service. Raises `KeyError` for an unknown id."""
        return self._store.services[service_id].url

    def trouble(self, what: Mapping[str, Any]) -> None:
        """Activate a fault of the platform; see the table in `faults`. Raises `ValueError` if it is invalid."""
        faults.apply(self._platform, what)

    def end_trouble(self, kind: str) -> None:
        """End one kind of fault. Raises `ValueError` for an unknown kind and for one that is over at once."""
        faults.end(self._platform, kind)

    def active_troubles(self) -> set[str]:
        """Return the kinds of faults that are still active."""
        return faults.active(self._platform)

    def inspect(self) -> dict[str, Any]:
        """Return the state without the values of any environment, for the status page and for tests."""
        store = self._store
        with store.lock:
            return {
                "owner_id": store.owner_id,
                "services": [
                    _service_view(service, store.deploys_of(service.id)) for service in store.services.values()
                ],
                "faults": self.faults.pending(),
                "troubles": [t["kind"] for t in store.troubles.next_deploy],
            }


def _service_view(service: Service, deploys: list[Deploy]) -> dict[str, Any]:
    roles = {instance.id: "serving" for instance in service.serving}
    return {
        "id": service.id,
        "name": service.name,
        "url": service.url,
        "suspenders": list(service.suspenders),
        "asleep": service.asleep,
        "env_keys": list(service.env),
        "live": service.live.id if service.live else None,
        "active": service.active.id if service.active else None,
        "queued": service.queued.id if service.queued else None,
        "deploys": [{"id": d.id, "status": d.status, "trigger": d.trigger, "mode": d.mode} for d in deploys],
        "instances": [
            {"id": i.id, "pid": i.pid, "port": i.port, "deploy": i.deploy_id, "role": roles.get(i.id, "beside")}
            for i in service.instances
        ],
    }
