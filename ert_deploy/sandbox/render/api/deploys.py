"""Deploy handlers: list, create, retrieve, cancel, roll back.

`POST deploys` returns a 201 with the new one, or an *empty* 202 when it has to wait; both were recorded. `deployMode`
excludes `commitId`, `imageUrl` and `clearCache` (Render OpenAPI).
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.images import Image, pulled, repository_of
from ert_deploy.sandbox.render.models import REUSABLE, Commit, Deploy, Service
from ert_deploy.sandbox.render.pagination import bad_request, in_window, json_object, not_found, page, values_of
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.serialize import deploy_json

CHOICES = {"clearCache": ("clear", "do_not_clear"), "deployMode": ("deploy_only", "build_and_deploy")}
EXCLUDED = ("commitId", "imageUrl", "clearCache")


def list_deploys(platform: Platform, request: Request) -> Reply:
    """Return the deploys, newest first; `status` may be repeated."""
    service = platform.service(request)
    with platform.store.lock:
        rows = [d for d in platform.store.deploys_of(service.id) if _wanted(request, d)]
        shown = [(d.seq, deploy_json(d, platform.profile)) for d in rows]
    return page(request, "deploy", shown, newest_first=True)


def _wanted(request: Request, deploy: Deploy) -> bool:
    statuses = values_of(request, "status")
    times = {"created": deploy.created, "updated": deploy.updated, "finished": deploy.finished}
    return (not statuses or deploy.status in statuses) and all(in_window(request, n, at) for n, at in times.items())


def create_deploy(platform: Platform, request: Request) -> Reply:
    """Return a 201 with a new deploy, or an empty 202 if it has to wait."""
    body = _checked(json_object(request))
    with platform.store.lock:
        service = platform.awake(request)
        mode = body.get("deployMode", "build_and_deploy")
        if mode == "deploy_only" and not service.built:
            raise bad_request("deploy_only needs a previous successful build")
        deploy = platform.deployer.request(
            service,
            mode=mode,
            commit=_commit(platform, service, body),
            image=_image(service, body),
            clear_cache=body.get("clearCache") == "clear",
        )
        trouble = platform.store.troubles.take("early_404")
        deploy.hidden_reads = int(trouble["reads"]) if trouble else 0
        if deploy.status == "queued":
            return Reply(202)
        return Reply.json(deploy_json(deploy, platform.profile), 201)


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    for name, choices in CHOICES.items():
        if name in body and body[name] not in choices:
            raise bad_request(f"{name} must be one of {', '.join(choices)}")
    for name in ("commitId", "imageUrl"):
        if name in body and not isinstance(body[name], str):
            raise bad_request(f"{name} must be a string")
    if "deployMode" in body and any(name in body for name in EXCLUDED):
        raise bad_request(f"deployMode cannot be combined with {', '.join(EXCLUDED)}")
    return body


def _commit(platform: Platform, service: Service, body: dict[str, Any]) -> Commit | None:
    if "commitId" not in body:
        return None
    if service.image is not None:
        raise bad_request("commitId is only for services from git")
    return Commit(body["commitId"], "Chosen commit", float(int(platform.store.clock.now())))


def _image(service: Service, body: dict[str, Any]) -> Image | None:
    if "imageUrl" not in body:
        return None
    if service.image is None:
        raise bad_request("imageUrl is only for image-backed services")
    image = pulled(body["imageUrl"])
    if repository_of(image.ref) != repository_of(service.image):
        raise bad_request("imageUrl must have the registry and repository of the service")
    return image


def get_deploy(platform: Platform, request: Request) -> Reply:
    """Return one deploy."""
    deploy = platform.deploy(platform.service(request), request.params["deploy"])
    with platform.store.lock:
        if deploy.hidden_reads > 0:
            deploy.hidden_reads -= 1
            raise not_found(deploy.id)
        return Reply.json(deploy_json(deploy, platform.profile))


def cancel_deploy(platform: Platform, request: Request) -> Reply:
    """Cancel one that is in progress; a waiting one starts at once."""
    deploy = platform.deploy(platform.service(request), request.params["deploy"])
    with platform.store.lock:
        if not deploy.in_flight:
            raise bad_request("deploy is not in progress")
        platform.deployer.cancel(deploy)
        return Reply.json(deploy_json(deploy, platform.profile))


def rollback_deploy(platform: Platform, request: Request) -> Reply:
    """Deploy a previous build with the current environment."""
    service, wanted = platform.awake(request), json_object(request).get("deployId")
    if not isinstance(wanted, str):
        raise bad_request("deployId must be a string")
    target = platform.deploy(service, wanted)
    with platform.store.lock:
        if target.status not in REUSABLE:
            raise bad_request("deploy has no build to go back to")
        deploy = platform.deployer.request(
            service,
            mode="deploy_only",
            trigger="rollback",
            commit=target.commit,
            image=target.image,
            rollback_of=target.id,
        )
        return Reply.json(deploy_json(deploy, platform.profile), 201)


ROUTES: Table = (
    ("GET", "/services/{service}/deploys", "list_deploys", list_deploys),
    ("POST", "/services/{service}/deploys", "create_deploy", create_deploy),
    ("GET", "/services/{service}/deploys/{deploy}", "get_deploy", get_deploy),
    ("POST", "/services/{service}/deploys/{deploy}/cancel", "cancel_deploy", cancel_deploy),
    ("POST", "/services/{service}/rollback", "rollback_deploy", rollback_deploy),
)
