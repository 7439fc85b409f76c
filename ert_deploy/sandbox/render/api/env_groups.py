"""Environment-group handlers: shared variables and secret files, and the services that they are linked to.

A change does not deploy the linked services (different-ai/openwork#3320). New entries are listed first (recorded).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.api.env_vars import key_of, parse_variables, value_of
from ert_deploy.sandbox.render.api.secret_files import content_of, name_of, parse_files, within
from ert_deploy.sandbox.render.pagination import (
    bad_request,
    in_window,
    json_object,
    limit_of,
    not_found,
    text_of,
    values_of,
)
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import EnvGroup
from ert_deploy.sandbox.render.serialize import group_json
from ert_deploy.sandbox.render.store import new_id


def list_env_groups(platform: Platform, request: Request) -> Reply:
    """Return the groups as an array, without cursors and values."""
    store, names, owners = platform.store, values_of(request, "name"), values_of(request, "ownerId")
    with store.lock:
        groups = [g for g in store.groups.values() if not names or g.name in names]
        groups = [g for g in groups if in_window(request, "created", g.created)]
        groups = [g for g in groups if in_window(request, "updated", g.created if g.updated is None else g.updated)]
        groups = groups if not owners or store.owner_id in owners else []
        shown = groups[: limit_of(request)]
        return Reply.json([group_json(g, store.services, store.owner_id, full=False) for g in shown])


def create_env_group(platform: Platform, request: Request) -> Reply:
    """Create a group, linked to `serviceIds` if given."""
    body, store = json_object(request), platform.store
    if body.get("ownerId") != store.owner_id:
        raise bad_request("ownerId must be the workspace of this key")
    name, links = text_of(body, "name"), body.get("serviceIds") or []
    env = dict(reversed(parse_variables(body.get("envVars") or []).items()))
    files = dict(reversed(parse_files(body.get("secretFiles") or []).items()))
    with store.lock:
        if not isinstance(links, list) or not all(isinstance(link, str) and link in store.services for link in links):
            raise bad_request("serviceIds must be ids of services")
        group = EnvGroup(new_id("evg"), name, store.clock.now(), env, tuple(dict.fromkeys(links)), files)
        store.groups[group.id] = group
    return _whole(platform, group, 201)


def get_env_group(platform: Platform, request: Request) -> Reply:
    """Return one group with its values."""
    return _whole(platform, _group(platform, request))


def update_env_group(platform: Platform, request: Request) -> Reply:
    """Rename a group; the only update that changes `updatedAt` (recorded)."""
    group, body = _group(platform, request), json_object(request)
    if "name" in body:
        group = replace(group, name=text_of(body, "name"), updated=platform.store.clock.now())
    return _stored(platform, group)


def delete_env_group(platform: Platform, request: Request) -> Reply:
    """Delete a group; linked services keep its values until their next deploy."""
    with platform.store.lock:
        del platform.store.groups[_group(platform, request).id]
    return Reply(204)


def link_service(platform: Platform, request: Request) -> Reply:
    """Link a service and return the whole group."""
    with platform.store.lock:
        group, service = _group(platform, request), platform.service(request)
        return _stored(platform, replace(group, links=tuple(dict.fromkeys([*group.links, service.id]))))


def unlink_service(platform: Platform, request: Request) -> Reply:
    """Remove the link to a service."""
    with platform.store.lock:
        group, service = _group(platform, request), platform.service(request)
        _stored(platform, replace(group, links=tuple(link for link in group.links if link != service.id)))
    return Reply(204)


def get_group_var(platform: Platform, request: Request) -> Reply:
    """Return one variable of a group."""
    key = request.params["key"]
    return Reply.json({"key": key, "value": _item(_group(platform, request).env, key)})


def put_group_var(platform: Platform, request: Request) -> Reply:
    """Create or update one variable and return the whole group."""
    key, value = key_of(request.params["key"]), value_of(json_object(request))
    with platform.store.lock:
        group = _group(platform, request)
        return _stored(platform, replace(group, env=_put(group.env, key, value)))


def delete_group_var(platform: Platform, request: Request) -> Reply:
    """Delete one variable; 404 if it does not exist."""
    key = request.params["key"]
    with platform.store.lock:
        group = _group(platform, request)
        _stored(platform, replace(group, env=_without(group.env, key)))
    return Reply(204)


def get_group_file(platform: Platform, request: Request) -> Reply:
    """Return one secret file of a group."""
    name = request.params["name"]
    return Reply.json({"name": name, "content": _item(_group(platform, request).files, name)})


def put_group_file(platform: Platform, request: Request) -> Reply:
    """Create or update one secret file and return the whole group."""
    name, content = name_of(request.params["name"]), content_of(json_object(request))
    with platform.store.lock:
        group = _group(platform, request)
        return _stored(platform, replace(group, files=within(_put(group.files, name, content))))


def delete_group_file(platform: Platform, request: Request) -> Reply:
    """Delete one secret file; 404 if it does not exist."""
    name = request.params["name"]
    with platform.store.lock:
        group = _group(platform, request)
        _stored(platform, replace(group, files=_without(group.files, name)))
    return Reply(204)


def _group(platform: Platform, request: Request) -> EnvGroup:
    group = platform.store.groups.get(request.params["group"])
    if group is None:
        raise not_found(request.params["group"])
    return group


def _item(items: Mapping[str, str], name: str) -> str:
    if name not in items:
        raise not_found(name)
    return items[name]


def _put(items: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    return {**items, name: value} if name in items else {name: value, **items}


def _without(items: Mapping[str, str], name: str) -> dict[str, str]:
    _item(items, name)
    return {key: value for key, value in items.items() if key != name}


def _stored(platform: Platform, group: EnvGroup) -> Reply:
    with platform.store.lock:
        platform.store.groups[group.id] = group
    return _whole(platform, group)


def _whole(platform: Platform, group: EnvGroup, status: int = 200) -> Reply:
    with platform.store.lock:
        shown: dict[str, Any] = group_json(group, platform.store.services, platform.store.owner_id, full=True)
    return Reply.json(shown, status)


ROUTES: Table = (
    ("GET", "/env-groups", "list_env_groups", list_env_groups),
    ("POST", "/env-groups", "create_env_group", create_env_group),
    ("GET", "/env-groups/{group}", "get_env_group", get_env_group),
    ("PATCH", "/env-groups/{group}", "update_env_group", update_env_group),
    ("DELETE", "/env-groups/{group}", "delete_env_group", delete_env_group),
    ("POST", "/env-groups/{group}/services/{service}", "link_service", link_service),
    ("DELETE", "/env-groups/{group}/services/{service}", "unlink_service", unlink_service),
    ("GET", "/env-groups/{group}/env-vars/{key}", "get_group_var", get_group_var),
    ("PUT", "/env-groups/{group}/env-vars/{key}", "put_group_var", put_group_var),
    ("DELETE", "/env-groups/{group}/env-vars/{key}", "delete_group_var", delete_group_var),
    ("GET", "/env-groups/{group}/secret-files/{name}", "get_group_file", get_group_file),
    ("PUT", "/env-groups/{group}/secret-files/{name}", "put_group_file", put_group_file),
    ("DELETE", "/env-groups/{group}/secret-files/{name}", "delete_group_file", delete_group_file),
)
