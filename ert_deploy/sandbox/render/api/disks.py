"""Disk handlers: attach, change, detach. A service with a disk has one instance; no file system is mounted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.pagination import (
    bad_request,
    in_window,
    json_object,
    not_found,
    page,
    text_of,
    values_of,
    whole_of,
)
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import Disk
from ert_deploy.sandbox.render.serialize import disk_of, stamp


def list_disks(platform: Platform, request: Request) -> Reply:
    """Return the disks that match the filters."""
    with platform.store.lock:
        chosen = [d for d in platform.store.disks.values() if _wanted(platform, request, d)]
        return page(request, "disk", [(d.seq, _shown(d)) for d in chosen])


def _wanted(platform: Platform, request: Request, disk: Disk) -> bool:
    facts = {
        "diskId": disk.id,
        "name": disk.name,
        "serviceId": disk.service_id,
        "ownerId": platform.store.owner_id,
    }
    named = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    return named and in_window(request, "created", disk.created) and in_window(request, "updated", disk.updated)


def add_disk(platform: Platform, request: Request) -> Reply:
    """Attach a disk to a service that has none and runs one instance."""
    body = json_object(request)
    name, path, size = text_of(body, "name"), text_of(body, "mountPath"), whole_of(body, "sizeGB", 1, 1000)
    with platform.store.lock:
        service = platform.store.services.get(text_of(body, "serviceId"))
        if service is None:
            raise not_found(body["serviceId"])
        if service.details.get("disk"):
            raise bad_request("service already has a disk")
        if service.details["plan"] == "free" or service.wanted_instances > 1:
            raise bad_request("a disk needs a paid plan and a single instance")
        return Reply.json(_shown(platform.attach(service, name, path, size)), 201)


def retrieve_disk(platform: Platform, request: Request) -> Reply:
    """Return one disk."""
    return Reply.json(_shown(_disk(platform, request)))


def update_disk(platform: Platform, request: Request) -> Reply:
    """Change a disk; it can only grow (render.com/docs/disks)."""
    body = json_object(request)
    with platform.store.lock:
        disk = _disk(platform, request)
        size = whole_of(body, "sizeGB", 1, 1000) if "sizeGB" in body else disk.size
        if size < disk.size:
            raise bad_request("a disk cannot be made smaller")
        name = text_of(body, "name") if "name" in body else disk.name
        path = text_of(body, "mountPath") if "mountPath" in body else disk.mount_path
        now = platform.store.clock.now()
        changed = replace(disk, name=name, mount_path=path, size=size, updated=now)
        platform.store.disks[disk.id] = changed
        platform.store.services[disk.service_id].details["disk"] = disk_of(changed)
        return Reply.json(_shown(changed))


def delete_disk(platform: Platform, request: Request) -> Reply:
    """Detach and delete a disk."""
    with platform.store.lock:
        platform.detach(platform.store.services[_disk(platform, request).service_id])
    return Reply(204)


def _disk(platform: Platform, request: Request) -> Disk:
    disk = platform.store.disks.get(request.params["disk"])
    if disk is None:
        raise not_found(request.params["disk"])
    return disk


def _shown(disk: Disk) -> dict[str, Any]:
    times = {"createdAt": stamp(disk.created), "updatedAt": stamp(disk.updated)}
    return {**disk_of(disk), "serviceId": disk.service_id, **times}


ROUTES: Table = (
    ("GET", "/disks", "list_disks", list_disks),
    ("POST", "/disks", "add_disk", add_disk),
    ("GET", "/disks/{disk}", "retrieve_disk", retrieve_disk),
    ("PATCH", "/disks/{disk}", "update_disk", update_disk),
    ("DELETE", "/disks/{disk}", "delete_disk", delete_disk),
)
