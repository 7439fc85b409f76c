"""Platform: the components that handlers use, and common queries.

A handler is a function of the platform and a request; a `Table` contains the handlers of one module.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.deploys import Deployer
from ert_deploy.sandbox.render.fleet import Fleet
from ert_deploy.sandbox.render.models import Deploy, Profile, Service
from ert_deploy.sandbox.render.pagination import ApiError, bad_request, not_found
from ert_deploy.sandbox.render.process import DASHBOARD
from ert_deploy.sandbox.render.proxy import Proxies
from ert_deploy.sandbox.render.records import Disk
from ert_deploy.sandbox.render.serialize import disk_of
from ert_deploy.sandbox.render.store import Store, new_id, random_text
from ert_deploy.sandbox.render.supervisor import Keeper


@dataclass(frozen=True, slots=True)
class Platform:
    """The components available to handlers; `site` is the base URL of the server, without a path."""

    store: Store
    fleet: Fleet
    deployer: Deployer
    keeper: Keeper
    proxies: Proxies
    profile: Profile
    site: str

    def service(self, request: Request) -> Service:
        """Return the service in the path. Raises a 404 `ApiError` if it does not exist."""
        service = self.store.services.get(request.params["service"])
        if service is None:
            raise not_found(request.params["service"])
        return service

    def awake(self, request: Request) -> Service:
        """Return the service in the path. Raises a 400 `ApiError` if it is suspended; the message is assumed."""
        service = self.service(request)
        if service.suspended:
            # F45
            raise bad_request("cannot deploy suspended service")
        return service

    def deploy(self, service: Service, deploy_id: str) -> Deploy:
        """Return a deploy of this service. Raises a 404 `ApiError` if it does not exist."""
        deploy = self.store.deploys.get(deploy_id)
        if deploy is None or deploy.service_id != service.id:
            raise not_found(deploy_id)
        return deploy

    def attach(self, service: Service, name: str, mount_path: str, size: int) -> Disk:
        """Attach a disk of `size` GB; the service must have none."""
        store, now = self.store, self.store.clock.now()
        disk = Disk(new_id("dsk"), store.next_seq(), service.id, name, mount_path, size, now, now)
        with store.lock:
            store.disks[disk.id] = disk
            service.details["disk"] = disk_of(disk)
        return disk

    def detach(self, service: Service) -> None:
        """Detach and delete the disk of a service, if it has one."""
        with self.store.lock:
            disk = service.details.pop("disk", None)
            self.store.disks.pop(disk["id"] if disk else "", None)

    def preview(
        self, base: Service, name: str, *, image: str | None = None, branch: str = "", number: int | None = None
    ) -> Service:
        """Add a preview of a service: a copy of its settings, variables, files and links to groups, with its own URL.

        It runs another image, or the branch of pull request `number` (render.com/docs/pull-request-previews).
        """
        preview = self.add(name)
        store = self.store
        with store.lock:
            details = copy.deepcopy(base.details) | {"numInstances": 1, "previews": {"generation": "off"}}
            details |= {"pullRequestPreviewsEnabled": "no", "parentServer": {"id": base.id, "name": base.name}}
            details.pop("disk", None)
            details.pop("autoscaling", None)
            preview.details = details
            preview.parent, preview.pull_request = base.id, number
            preview.image, preview.branch, preview.repo = image, branch or base.branch, base.repo
            preview.root_dir, preview.build_filter = base.root_dir, base.build_filter
            preview.env = {k: replace(v, seq=store.next_seq()) for k, v in base.env.items()}
            preview.secret_files = {k: replace(v, seq=store.next_seq()) for k, v in base.secret_files.items()}
            for group in list(store.groups.values()):
                if base.id in group.links:
                    store.groups[group.id] = replace(group, links=(*group.links, preview.id))
        return preview

    def forget(self, service: Service) -> None:
        """Delete a service with its disk and instances, at once."""
        with self.store.lock:
            self.deployer.cancel_all(service)
            self.detach(service)
            service.live = None
            self.store.services.pop(service.id, None)
        self.fleet.workers.start(self.fleet.retire, service)

    def add(self, name: str, id: str | None = None) -> Service:
        """Add a service without deploys, and open its port; names may repeat. Raises `ApiError` for an invalid name."""
        if not name or len(name) > 63:
            raise ApiError(400, "invalid name")
        now, store = self.store.clock.now(), self.store
        service_id = id or new_id("srv")
        port = self.proxies.open(lambda: self.fleet.upstream(service_id))
        with store.lock:
            taken = any(s.name == name for s in store.services.values())
            slug = f"{name}-{random_text(4)}" if taken else re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
            details = default_details()
            service = Service(service_id, store.next_seq(), name, slug, port, now, now, details, last_request=now)
            store.services[service_id] = service
        return service

    def suspend(self, service: Service, by: str) -> None:
        """Suspend the service: cancel its deploys and terminate its instances; its public URL returns a 503."""
        with self.store.lock:
            if by in service.suspenders:
                return
            service.suspenders.append(by)
            service.updated = self.store.clock.now()
            self.deployer.cancel_all(service)
        self.store.event(service, "suspender_added", {"actor": by})
        self.store.event(service, "service_suspended")
        self.fleet.retire(service)

    def resume(self, service: Service, by: str) -> None:
        """Remove one suspender; after the last one, a deploy starts (`trigger: service_resumed`)."""
        with self.store.lock:
            if by not in service.suspenders:
                return
            service.suspenders.remove(by)
            service.updated = self.store.clock.now()
            self.store.event(service, "suspender_removed", {"actor": by})
            if not service.suspended:
                self.store.event(service, "service_resumed")
                self.deployer.request(
                    service,
                    mode="deploy_only" if service.built else "build_and_deploy",
                    trigger="service_resumed",
                )


Handler = Callable[[Platform, Request], Reply]
Table = Sequence[tuple[str, str, str, Handler]]


def default_details() -> dict[str, Any]:
    """Return the `serviceDetails` of a Python service that was created in the dashboard."""
    return {
        "buildPlan": "starter",
        "envSpecificDetails": {
            "buildCommand": "pip install -r requirements.txt",
            "startCommand": DASHBOARD,
        },
        "healthCheckPath": "/health",
        "maintenanceMode": {"enabled": False, "uri": ""},
        "maxShutdownDelaySeconds": 30,
        "numInstances": 1,
        "plan": "starter",
        "previews": {"generation": "off"},
        "pullRequestPreviewsEnabled": "no",
        "region": "oregon",
        "renderSubdomainPolicy": "enabled",
        "runtime": "python",
    }
