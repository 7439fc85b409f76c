"""Instance handlers: list, restart, scale, suspend and resume.

New instances after a restart keep the *old* environment (render.com/docs/deploys). Autoscaling keeps the number of
instances in its range, and no load is measured.
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import bad_request, json_object, time_of, whole_of
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.serialize import OWNER_EMAIL, stamp

# F55
ASYNC_SECONDS = 2.0
MOST_INSTANCES = 100  # render.com/docs/scaling


def list_instances(platform: Platform, request: Request) -> Reply:
    """Return all instances of the service as a plain array: serving, booting and draining."""
    service = platform.service(request)
    time_of(request, "startTime")
    with platform.store.lock:
        return Reply.json([{"id": i.id, "createdAt": stamp(i.created)} for i in service.instances])


def restart_service(platform: Platform, request: Request) -> Reply:
    """Replace the instances by new ones with the same commit and environment; the response has no body."""
    service = platform.awake(request)
    if service.live is None:
        raise bad_request("service has no live deploy")
    platform.store.event(service, "server_restarted", {"triggeredByUser": OWNER_EMAIL})
    with platform.store.lock:
        platform.fleet.workers.start(platform.fleet.replace, service, list(service.serving))
    return Reply(200)


def scale_service(platform: Platform, request: Request) -> Reply:
    """Return a 202; the number of instances changes shortly after. Ignored while autoscaling is on."""
    wanted = whole_of(json_object(request), "numInstances", 1, MOST_INSTANCES)
    with platform.store.lock:
        service = _scalable(platform, request, wanted)
        before, scaling = service.wanted_instances, service.details.get("autoscaling")
        if not (scaling and scaling["enabled"]):
            service.details["numInstances"] = wanted
            _tell(platform, service, before)
    return Reply(202)


def put_autoscaling(platform: Platform, request: Request) -> Reply:
    """Store the range of instances and the load that should change their number."""
    body = json_object(request)
    low = whole_of(body, "min", 1, MOST_INSTANCES)
    high = whole_of(body, "max", low, MOST_INSTANCES)
    scaling = {"criteria": _criteria(body), "enabled": _switch(body), "max": high, "min": low}
    with platform.store.lock:
        service = _scalable(platform, request, high)
        before = service.wanted_instances
        service.details["autoscaling"] = scaling
        _tell(platform, service, before)
    return Reply.json(scaling)


def delete_autoscaling(platform: Platform, request: Request) -> Reply:
    """Remove the range; the fixed number of instances applies again."""
    service = platform.service(request)
    with platform.store.lock:
        before = service.wanted_instances
        service.details.pop("autoscaling", None)
        _tell(platform, service, before)
    return Reply(204)


def _criteria(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("criteria")
    if not isinstance(given, dict) or not all(isinstance(given.get(name), dict) for name in ("cpu", "memory")):
        raise bad_request("criteria must have cpu and memory")
    return {
        name: {"enabled": _switch(given[name]), "percentage": whole_of(given[name], "percentage", 1, 100)}
        for name in ("cpu", "memory")
    }


def _switch(body: dict[str, Any]) -> bool:
    enabled = body.get("enabled")
    if not isinstance(enabled, bool):
        raise bad_request("enabled must be a boolean")
    return enabled


def _scalable(platform: Platform, request: Request, wanted: int) -> Service:
    service = platform.service(request)
    if wanted > 1 and (service.details["plan"] == "free" or service.details.get("disk")):
        raise bad_request("a service on the free plan or with a disk has one instance")
    return service


def _tell(platform: Platform, service: Service, before: int) -> None:
    if service.wanted_instances != before:
        service.updated = platform.store.clock.now()
        details = {"fromInstances": before, "toInstances": service.wanted_instances}
        platform.store.event(service, "instance_count_changed", details)


def suspend_service(platform: Platform, request: Request) -> Reply:
    """Return a 202; the change takes effect shortly after."""
    return _later(platform, platform.service(request), resume=False)


def resume_service(platform: Platform, request: Request) -> Reply:
    """Return a 202; a suspension by Render (`billing`) is kept."""
    return _later(platform, platform.service(request), resume=True)


def _later(platform: Platform, service: Service, *, resume: bool) -> Reply:
    def work() -> None:
        if not platform.store.clock.wait(platform.store.closing, ASYNC_SECONDS):
            (platform.resume if resume else platform.suspend)(service, "user")

    platform.fleet.workers.start(work)
    return Reply(202)


ROUTES: Table = (
    ("GET", "/services/{service}/instances", "list_instances", list_instances),
    ("POST", "/services/{service}/restart", "restart_service", restart_service),
    ("POST", "/services/{service}/scale", "scale_service", scale_service),
    ("PUT", "/services/{service}/autoscaling", "put_autoscaling", put_autoscaling),
    ("DELETE", "/services/{service}/autoscaling", "delete_autoscaling", delete_autoscaling),
    ("POST", "/services/{service}/suspend", "suspend_service", suspend_service),
    ("POST", "/services/{service}/resume", "resume_service", resume_service),
)
