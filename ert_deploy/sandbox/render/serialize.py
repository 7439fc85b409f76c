"""JSON of Render: formats the records in one of two profiles.

`as_recorded` is what Render actually sends (render-oss/terraform-provider-render, recorded responses). A deploy of a
service from git carries its commit, and `finishedAt` is absent until its end; one of an image carries the image, and
`commit` and `finishedAt` are null. `spec_strict` is what the published OpenAPI allows: absent fields instead of nulls.
Neither adds a field that Render does not send.
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.render.models import Deploy, Profile, Service
from ert_deploy.sandbox.render.records import Disk, EnvGroup, Event, LogLine
from ert_deploy.sandbox.runtime.clock import rfc3339

# Deprecated, undocumented values in addition to `buildStatus`/`deployStatus`; these are assumed.
# F41
OUTCOMES = {"succeeded": 2, "failed": 3, "canceled": 4}
SHORT_TYPE = "web"
# F42
OWNER_EMAIL = "owner@localhost"


def stamp(seconds: float) -> str:
    """Return an RFC 3339 timestamp with as few decimals as possible, like Go's RFC3339Nano."""
    text = rfc3339(seconds)
    return text.removesuffix("Z").rstrip("0") + "Z" if "." in text else text


def service_json(service: Service, owner_id: str, profile: Profile, site: str) -> dict[str, Any]:
    """Return a web service; `suspended` is a string, `suspenders` is a list, `site` is the base URL of the server."""
    if service.image is None:
        source: dict[str, Any] = {"branch": service.branch, "repo": service.repo}
        if service.build_filter is not None:
            source["buildFilter"] = service.build_filter
    else:
        source = {"imagePath": service.image}
    return {
        "id": service.id,
        **source,
        "autoDeploy": "no" if service.trigger == "off" else "yes",
        "autoDeployTrigger": service.trigger,
        "createdAt": stamp(service.created),
        "dashboardUrl": f"{site}/web/{service.id}",
        "name": service.name,
        "notifyOnFail": "default",
        "ownerId": owner_id,
        "rootDir": service.root_dir,
        "serviceDetails": _details_json(service, profile),
        "slug": service.slug,
        "suspended": "suspended" if service.suspended else "not_suspended",
        "suspenders": list(service.suspenders),
        "type": service.type,
        "updatedAt": stamp(service.updated),
    }


# What a worker, which serves no requests, has not.
_OF_THE_WEB = frozenset({"healthCheckPath", "maintenanceMode", "openPorts", "renderSubdomainPolicy", "url"})


def _details_json(service: Service, profile: Profile) -> dict[str, Any]:
    ports = {"openPorts": [{"port": 10000, "protocol": "TCP"}]}
    if profile == "spec_strict" and service.details.get("openPorts", ports) is None:
        ports = {}
    if service.worker:
        kept = {name: value for name, value in service.details.items() if name not in _OF_THE_WEB}
        return {**kept, "env": service.details["runtime"], "sshAddress": f"{service.id}@127.0.0.1"}
    return {
        **ports,
        **{k: v for k, v in service.details.items() if v is not None or profile == "as_recorded"},
        "env": service.details["runtime"],
        "sshAddress": f"{service.id}@127.0.0.1",
        "url": service.url,
    }


def deploy_json(deploy: Deploy, profile: Profile) -> dict[str, Any]:
    """Return a deploy; `finishedAt` is null or absent while it is running."""
    shown: dict[str, Any] = {
        "id": deploy.id,
        "status": deploy.shown_status or deploy.status,
        "trigger": deploy.trigger,
        "createdAt": stamp(deploy.created),
        "updatedAt": stamp(deploy.updated),
    }
    times = {"startedAt": deploy.started, "finishedAt": deploy.finished}
    shown |= {name: stamp(at) for name, at in times.items() if at is not None}
    if deploy.commit is not None:
        made = stamp(deploy.commit.created)
        shown["commit"] = {"id": deploy.commit.id, "message": deploy.commit.message, "createdAt": made}
    elif profile == "as_recorded":
        shown |= {"commit": None, "finishedAt": shown.get("finishedAt")}
    if deploy.image is not None:
        shown["image"] = {"ref": deploy.image.ref, "sha": deploy.image.sha}
    return shown


def owner_json(owner_id: str) -> dict[str, Any]:
    """Return the workspace."""
    return {"id": owner_id, "name": "Sandbox", "email": OWNER_EMAIL, "type": "team"}


def disk_of(disk: Disk) -> dict[str, Any]:
    """Return a disk as it is shown in the details of its service."""
    return {"id": disk.id, "name": disk.name, "mountPath": disk.mount_path, "sizeGB": disk.size}


def event_json(event: Event) -> dict[str, Any]:
    """Return one event."""
    return {
        "id": event.id,
        "timestamp": stamp(event.time),
        "serviceId": event.service_id,
        "type": event.type,
        "details": dict(event.details),
    }


def log_json(line: LogLine) -> dict[str, Any]:
    """Return one log line; its timestamp has nine digits."""
    labels = {"resource": line.service_id, "instance": line.instance, "level": line.level, "type": line.type}
    return {
        "id": line.id,
        "message": line.message,
        "timestamp": log_stamp(line.time),
        "labels": [{"name": name, "value": value} for name, value in labels.items() if value],
    }


def log_stamp(seconds: float) -> str:
    """Return an RFC 3339 timestamp with nine decimals."""
    whole, _, fraction = rfc3339(seconds).removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}Z"


def group_json(group: EnvGroup, services: dict[str, Service], owner_id: str, *, full: bool) -> dict[str, Any]:
    """Return an environment group; `full` includes values and files, which the list omits."""
    links = [services[link] for link in group.links if link in services]
    shown: dict[str, Any] = {
        "id": group.id,
        "name": group.name,
        "ownerId": owner_id,
        "createdAt": stamp(group.created),
        "updatedAt": stamp(group.created if group.updated is None else group.updated),
        "serviceLinks": [{"id": s.id, "name": s.name, "type": SHORT_TYPE} for s in links],
    }
    if full:
        shown["envVars"] = [{"key": key, "value": value} for key, value in group.env.items()]
        shown["secretFiles"] = [{"name": name, "content": content} for name, content in group.files.items()]
    return shown


def trigger_details(user_id: str, deploy: Deploy) -> dict[str, Any]:
    """Return the `trigger` of an event for the start of a build or deploy."""
    manual = deploy.trigger in {"api", "manual"}
    details: dict[str, Any] = {
        "firstBuild": deploy.first,
        "envUpdated": deploy.trigger == "service_updated",
        "manual": manual,
        "deployedByRender": deploy.trigger == "deployed_by_render",
        "clearCache": deploy.clear_cache,
        "rollback": deploy.rollback_of is not None,
    }
    if manual:
        details["user"] = {"id": user_id, "email": OWNER_EMAIL}
    if deploy.trigger == "new_commit" and deploy.commit is not None:
        details["newCommit"] = deploy.commit.id
    if deploy.rollback_of is not None:
        details["rollbackTargetDeployId"] = deploy.rollback_of
    return details
