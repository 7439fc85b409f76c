"""Service handlers: list, create, retrieve, update, delete, and a preview of an image.

An update of a service does not deploy it. Only web services can be made, from git or from an image; jobs and other
resource types are not implemented.
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.api.env_vars import parse_variables, replace_variables
from ert_deploy.sandbox.render.api.secret_files import parse_files, replace_files
from ert_deploy.sandbox.render.api.service_details import checked_details, merged, switched_runtime
from ert_deploy.sandbox.render.images import normal_path, repository_of
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import bad_request, in_window, json_object, page, text_of, values_of
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.serialize import service_json
from ert_deploy.sandbox.runtime.loopback import on_loopback

SOURCE = {"name": "name", "repo": "repo", "branch": "branch", "rootDir": "root_dir"}
TRIGGERS = ("off", "commit", "checksPass")


def list_services(platform: Platform, request: Request) -> Reply:
    """Return all services that match the filters; previews are included unless `includePreviews` is false."""
    with platform.store.lock:
        chosen = [s for s in platform.store.services.values() if _wanted(platform, request, s)]
        return page(request, "service", [(s.seq, _shown(platform, s)) for s in chosen])


def _wanted(platform: Platform, request: Request, service: Service) -> bool:
    facts = {
        "name": service.name,
        "type": service.type,
        "ownerId": platform.store.owner_id,
        "region": service.details["region"],
        "env": service.details["runtime"],
        "suspended": "suspended" if service.suspended else "not_suspended",
        "environmentId": "",
    }
    if service.parent is not None and request.one("includePreviews") == "false":
        return False
    named = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    return named and in_window(request, "created", service.created) and in_window(request, "updated", service.updated)


def _shown(platform: Platform, service: Service) -> dict[str, Any]:
    return service_json(service, platform.store.owner_id, platform.profile, platform.site)


def create_service(platform: Platform, request: Request) -> Reply:
    """Create a service and start its first deploy."""
    body = json_object(request)
    if body.get("type") not in ("web_service", "background_worker") or body.get("ownerId") != platform.store.owner_id:
        raise bad_request("only web_service or background_worker with the ownerId of this key can be made")
    variables = parse_variables(body.get("envVars") or [])
    files = parse_files(body.get("secretFiles") or [])
    details = checked_details(body.get("serviceDetails") or {}, created=True)
    runtime = details.get("runtime", "image" if body.get("image") else "python")
    if (runtime == "image") != bool(body.get("image")):
        raise bad_request("image and runtime image belong together")
    disk = details.pop("disk", None)
    service = platform.add(text_of(body, "name"))
    try:
        with platform.store.lock:
            service.worker = body["type"] == "background_worker"
            service.details = merged(switched_runtime(service.details, runtime), details)
            replace_variables(platform, service, variables)
            replace_files(platform, service, files)
            _apply_source(platform, service, body)
            if disk is not None:
                platform.attach(service, disk["name"], disk["mountPath"], disk["sizeGB"])
    except Exception:
        platform.forget(service)
        raise
    with platform.store.lock:
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
    if isinstance(details, dict) and details.get("region", service.details["region"]) != service.details["region"]:
        raise bad_request("region cannot be changed")
    changes = checked_details(details)
    with platform.store.lock:
        runtime = changes.get("runtime", service.details["runtime"])
        if (runtime == "image") != (service.image is not None):
            raise bad_request("a service from git cannot become one from an image, or the reverse")
        _apply_source(platform, service, body)
        before = service.details["plan"]
        service.details = merged(switched_runtime(service.details, runtime), changes)
        service.updated = platform.store.clock.now()
        if service.details["plan"] != before:
            platform.store.event(service, "plan_changed", {"from": before, "to": service.details["plan"]})
        return Reply.json(_shown(platform, service))


def _apply_source(platform: Platform, service: Service, body: dict[str, Any]) -> None:
    if "autoDeploy" in body and "autoDeployTrigger" in body:
        raise bad_request("autoDeploy and autoDeployTrigger cannot be set together")
    if body.get("autoDeploy") not in (None, "yes", "no"):
        raise bad_request("autoDeploy must be yes or no")
    if body.get("autoDeployTrigger") not in (None, *TRIGGERS):
        raise bad_request("autoDeployTrigger must be off, commit or checksPass")
    texts = {attribute: text_of(body, name) for name, attribute in SOURCE.items() if body.get(name) is not None}
    if not texts.get("name", "x") or len(texts.get("name", "")) > 63:
        raise bad_request("invalid name")
    if "repo" in texts:  # not used for any download
        texts["repo"] = on_loopback(texts["repo"], "repo_url")
    image = _image(platform, body)
    if image is not None:
        service.image = image
    if body.get("autoDeploy") is not None:
        service.trigger = "commit" if body["autoDeploy"] == "yes" else "off"
    service.trigger = body.get("autoDeployTrigger") or service.trigger
    service.build_filter = _filter(body) if body.get("buildFilter") is not None else service.build_filter
    for attribute, text in texts.items():
        setattr(service, attribute, text)


def _image(platform: Platform, body: dict[str, Any]) -> str | None:
    given = body.get("image")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("ownerId") not in (None, "", platform.store.owner_id):
        raise bad_request("image must be an object with the ownerId of this key")
    path = text_of(given, "imagePath")
    if not path or any(c.isspace() for c in path):
        raise bad_request("invalid imagePath")
    return normal_path(path)


def _filter(body: dict[str, Any]) -> dict[str, Any] | None:
    given = body["buildFilter"]
    names = {"paths", "ignoredPaths"}
    # Both are required, and both were recorded as null.
    lists = {name: given[name] or [] for name in names} if isinstance(given, dict) and names <= set(given) else {}
    if not lists or not all(
        isinstance(item, list) and all(isinstance(p, str) for p in item) for item in lists.values()
    ):
        raise bad_request("buildFilter must have lists of paths and ignoredPaths")
    return lists if any(lists.values()) else None


def delete_service(platform: Platform, request: Request) -> Reply:
    """Delete the service and its instances at once; its public URL returns a 404 from now on."""
    platform.forget(platform.service(request))
    return Reply(204)


def preview_service(platform: Platform, request: Request) -> Reply:
    """Create a preview of another image of the same service; one from git has previews by pull requests only."""
    base, body = platform.awake(request), json_object(request)
    if base.image is None:
        raise bad_request("previews by the API are only for image-backed services")
    image = normal_path(text_of(body, "imagePath"))
    if repository_of(image) != repository_of(base.image):
        raise bad_request("imagePath must have the registry and repository of the service")
    details = checked_details({"plan": body["plan"]} if body.get("plan") is not None else {})
    name = text_of(body, "name") if body.get("name") is not None else f"{base.name} preview"
    with platform.store.lock:
        preview = platform.preview(base, name, image=image)
        preview.details |= details
        deploy = platform.deployer.request(preview, trigger="api")
        return Reply.json({"service": _shown(platform, preview), "deployId": deploy.id})


ROUTES: Table = (
    ("GET", "/services", "list_services", list_services),
    ("POST", "/services", "create_service", create_service),
    ("GET", "/services/{service}", "retrieve_service", retrieve_service),
    ("PATCH", "/services/{service}", "update_service", update_service),
    ("DELETE", "/services/{service}", "delete_service", delete_service),
    ("POST", "/services/{service}/preview", "preview_service", preview_service),
)
