"""Service handlers: users, owners and services.

An update of a service does not deploy it; new instances after a restart keep the *old* environment
(render.com/docs/deploys). Scaling, jobs, disks, domains and other resource types are not implemented.
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.env_vars import parse_variables, replace_variables
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import (
    bad_request,
    in_window,
    json_object,
    not_found,
    page,
    time_of,
    values_of,
)
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.serialize import OWNER_EMAIL, service_json, stamp
from ert_deploy.sandbox.runtime.loopback import on_loopback

ASYNC_SECONDS = 2.0
DETAILS: dict[str, type] = {
    "envSpecificDetails": dict,
    "healthCheckPath": str,
    "maintenanceMode": dict,
    "plan": str,
    "preDeployCommand": str,
    "previews": dict,
    "pullRequestPreviewsEnabled": str,
    "maxShutdownDelaySeconds": int,
    "renderSubdomainPolicy": str,
    "ipAllowList": list,
    "cache": dict,
}
SOURCE = {"name": "name", "repo": "repo", "branch": "branch", "rootDir": "root_dir"}
FIXED = ("runtime", "region")


def get_user(_: Platform, __: Request) -> Reply:
    """Return the user; the simplest call to validate a key."""
    return Reply.json({"email": OWNER_EMAIL, "name": "Sandbox Owner"})


def list_owners(platform: Platform, request: Request) -> Reply:
    """Return the only workspace of this key."""
    owner = _owner(platform)
    names, mails = values_of(request, "name"), values_of(request, "email")
    wanted = (not names or owner["name"] in names) and (not mails or owner["email"] in mails)
    return page(request, "owner", [(1, owner)] if wanted else [])


def retrieve_owner(platform: Platform, request: Request) -> Reply:
    """Return one workspace by id."""
    if request.params["owner"] != platform.store.owner_id:
        raise not_found(request.params["owner"])
    return Reply.json(_owner(platform))


def _owner(platform: Platform) -> dict[str, Any]:
    return {"id": platform.store.owner_id, "name": "Sandbox", "email": OWNER_EMAIL, "type": "team"}


def list_services(platform: Platform, request: Request) -> Reply:
    """Return all services that match the filters."""
    with platform.store.lock:
        chosen = [s for s in platform.store.services.values() if _wanted(platform, request, s)]
        return page(request, "service", [(s.seq, _shown(platform, s)) for s in chosen])


def _wanted(platform: Platform, request: Request, service: Service) -> bool:
    facts = {
        "name": service.name,
        "type": "web_service",
        "ownerId": platform.store.owner_id,
        "region": service.details["region"],
        "env": service.details["runtime"],
        "suspended": "suspended" if service.suspended else "not_suspended",
        "environmentId": "",
    }
    named = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    return named and in_window(request, "created", service.created) and in_window(request, "updated", service.updated)


def _shown(platform: Platform, service: Service) -> dict[str, Any]:
    return service_json(service, platform.store.owner_id, platform.profile, platform.site)


def create_service(platform: Platform, request: Request) -> Reply:
    """Create a service and start its first deploy."""
    body = json_object(request)
    if body.get("type") != "web_service" or body.get("ownerId") != platform.store.owner_id:
        raise bad_request("only web_service with the ownerId of this key can be made")
    variables = parse_variables(body.get("envVars") or [])
    details = _checked_details(body.get("serviceDetails") or {}, created=True)
    service = platform.add(_text(body, "name"))
    with platform.store.lock:
        service.details.update(details)
        replace_variables(platform, service, variables)
        _apply_source(service, body)
        deploy = platform.deployer.request(service, trigger="api")
        return Reply.json({"service": _shown(platform, service), "deployId": deploy.id}, 201)


def retrieve_service(platform: Platform, request: Request) -> Reply:
    """Return one service."""
    service = platform.service(request)
    with platform.store.lock:
        return Reply.json(_shown(platform, service))


def update_service(platform: Platform, request: Request) -> Reply:
    """Update the settings; a new plan is stored now and used from the next deploy on."""
    service, body = platform.service(request), json_object(request)
    details = body.get("serviceDetails") or {}
    for name in FIXED:
        if isinstance(details, dict) and details.get(name, service.details[name]) != service.details[name]:
            raise bad_request(f"{name} cannot be changed")
    changes = _checked_details(details)
    with platform.store.lock:
        _apply_source(service, body)
        before = service.details["plan"]
        service.details.update(changes)
        service.updated = platform.store.clock.now()
        if service.details["plan"] != before:
            platform.store.event(service, "plan_changed", {"from": before, "to": service.details["plan"]})
        return Reply.json(_shown(platform, service))


def _apply_source(service: Service, body: dict[str, Any]) -> None:
    if "autoDeploy" in body and "autoDeployTrigger" in body:
        raise bad_request("autoDeploy and autoDeployTrigger cannot be set together")
    if body.get("autoDeploy") not in (None, "yes", "no"):
        raise bad_request("autoDeploy must be yes or no")
    if body.get("autoDeployTrigger") not in (None, "off", "commit", "checksPass"):
        raise bad_request("autoDeployTrigger must be off, commit or checksPass")
    texts = {attribute: _text(body, name) for name, attribute in SOURCE.items() if body.get(name) is not None}
    if "repo" in texts:  # not used for any download
        texts["repo"] = on_loopback(texts["repo"], "repo_url")
    if "autoDeployTrigger" in body:
        service.auto_deploy = "no" if body["autoDeployTrigger"] == "off" else "yes"
    service.auto_deploy = body.get("autoDeploy") or service.auto_deploy
    for attribute, text in texts.items():
        setattr(service, attribute, text)


def _checked_details(given: Any, *, created: bool = False) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise bad_request("serviceDetails must be an object")
    allowed = DETAILS | dict.fromkeys(FIXED, str) if created else DETAILS
    changes = {name: given[name] for name in allowed if given.get(name) is not None}
    for name, value in changes.items():
        if not isinstance(value, allowed[name]) or isinstance(value, bool):
            raise bad_request(f"serviceDetails.{name} has an invalid type")
    if not 1 <= int(changes.get("maxShutdownDelaySeconds", 30)) <= 300:
        raise bad_request("maxShutdownDelaySeconds must be between 1 and 300")
    return changes


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string")
    return value


def delete_service(platform: Platform, request: Request) -> Reply:
    """Delete the service and its instances at once; its public URL returns a 404 from now on."""
    service = platform.service(request)
    with platform.store.lock:
        platform.deployer.cancel_all(service)
        service.live = None
        del platform.store.services[service.id]
    platform.fleet.workers.start(platform.fleet.retire, service)
    return Reply(204)


def restart_service(platform: Platform, request: Request) -> Reply:
    """Replace the instances by new ones with the same commit and environment; the response has no body."""
    service = platform.awake(request)
    if service.live is None:
        raise bad_request("service has no live deploy")
    platform.store.event(service, "server_restarted", {"triggeredByUser": OWNER_EMAIL})
    platform.fleet.workers.start(platform.fleet.replace, service)
    return Reply(200)


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


def list_instances(platform: Platform, request: Request) -> Reply:
    """Return all instances of the service as a plain array: serving, booting and draining."""
    service = platform.service(request)
    time_of(request, "startTime")
    with platform.store.lock:
        return Reply.json([{"id": i.id, "createdAt": stamp(i.created)} for i in service.instances])


ROUTES: Table = (
    ("GET", "/users", "get_user", get_user),
    ("GET", "/owners", "list_owners", list_owners),
    ("GET", "/owners/{owner}", "retrieve_owner", retrieve_owner),
    ("GET", "/services", "list_services", list_services),
    ("POST", "/services", "create_service", create_service),
    ("GET", "/services/{service}", "retrieve_service", retrieve_service),
    ("PATCH", "/services/{service}", "update_service", update_service),
    ("DELETE", "/services/{service}", "delete_service", delete_service),
    ("POST", "/services/{service}/restart", "restart_service", restart_service),
    ("POST", "/services/{service}/suspend", "suspend_service", suspend_service),
    ("POST", "/services/{service}/resume", "resume_service", resume_service),
    ("GET", "/services/{service}/instances", "list_instances", list_instances),
)
