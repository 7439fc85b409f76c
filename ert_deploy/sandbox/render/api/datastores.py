"""Postgres and Key Value handlers, as far as a Blueprint names them: records with connection strings.

Those that the API makes have no server: the host in their connection strings is 127.0.0.1. What the sandbox makes with
`serve` is a real server.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.api.env_vars import generated
from ert_deploy.sandbox.render.pagination import (
    bad_request,
    in_window,
    json_object,
    not_found,
    page,
    text_of,
    values_of,
)
from ert_deploy.sandbox.render.platform import Handler, Platform, Table
from ert_deploy.sandbox.render.records import Datastore
from ert_deploy.sandbox.render.serialize import owner_json, stamp
from ert_deploy.sandbox.render.store import new_id
from ert_deploy.sandbox.runtime import key_value, postgres
from ert_deploy.sandbox.runtime.servers import Server

REGIONS = ("frankfurt", "oregon", "ohio", "singapore", "virginia")
VERSIONS = tuple(str(number) for number in range(11, 19))
PLANS = {
    "dpg": (
        *("free", "starter", "standard", "pro", "pro_plus", "custom", "basic_256mb", "basic_1gb", "basic_4gb"),
        *(f"pro_{size}gb" for size in (4, 8, 16, 32, 64, 128, 192, 256, 384, 512)),
        *(f"accelerated_{size}gb" for size in (16, 32, 64, 128, 256, 384, 512, 768, 1024)),
    ),
    "red": ("free", "starter", "standard", "pro", "pro_plus", "custom"),
}
WRAPPER = {"dpg": "postgres", "red": "keyValue"}
_ORDERS = ("lfu", "lru", "random")
POLICIES = (
    *("noeviction", "volatile_ttl"),
    *(f"{keys}_{order}" for keys in ("allkeys", "volatile") for order in _ORDERS),
)


def create_postgres(platform: Platform, request: Request) -> Reply:
    """Create a database record, available at once."""
    body = json_object(request)
    version, name = text_of(body, "version"), text_of(body, "name")
    if version not in VERSIONS:
        raise bad_request(f"version must be one of {', '.join(VERSIONS)}")
    plain = name.replace("-", "_")
    details = {
        "databaseName": body.get("databaseName") or plain,
        "databaseUser": body.get("databaseUser") or f"{plain}_user",
        "version": version,
    }
    if not all(isinstance(value, str) for value in details.values()):
        raise bad_request("databaseName and databaseUser must be strings")
    return Reply.json(_shown(platform, _create(platform, "dpg", body, details)), 201)


def create_key_value(platform: Platform, request: Request) -> Reply:
    """Create a Key Value record, available at once."""
    body = json_object(request)
    policy = body.get("maxmemoryPolicy", "allkeys_lru")
    if policy not in POLICIES:
        raise bad_request("unknown maxmemoryPolicy")
    details = {"options": {"maxmemoryPolicy": policy}, "version": "8.1.4"}
    return Reply.json(_shown(platform, _create(platform, "red", body, details)), 201)


def serve(platform: Platform, kind: str, name: str, directory: Path) -> tuple[Server, str]:
    """Make a database (`dpg`) or key value store (`red`) with a real server; return it with its URL.

    Raises `MissingProgram`, and `RuntimeError` if it does not start. The server is recorded in `directory`.
    """
    plain = name.replace("-", "_")
    details: dict[str, Any] = {"databaseName": plain, "databaseUser": f"{plain}_user", "version": "18"}
    details = details if kind == "dpg" else {"options": {"maxmemoryPolicy": "allkeys_lru"}, "version": "8.1.4"}
    plan = "basic_256mb" if kind == "dpg" else "starter"
    item = _create(platform, kind, {"ownerId": platform.store.owner_id, "name": name, "plan": plan}, details)
    record = directory / f"{item.id}-processes.json"
    if kind == "dpg":
        server, url = postgres.start(f"{plain}_user", plain, item.password, record)
    else:
        server, url = key_value.start(record)
    with platform.store.lock:
        platform.store.datastores[item.id] = replace(item, address=url)
    return server, url


def _create(platform: Platform, kind: str, body: dict[str, Any], details: dict[str, Any]) -> Datastore:
    store, now = platform.store, platform.store.clock.now()
    plan, region = text_of(body, "plan"), body.get("region", "oregon")
    if body.get("ownerId") != store.owner_id:
        raise bad_request("ownerId must be the workspace of this key")
    if plan not in PLANS[kind] or region not in REGIONS:
        raise bad_request("unknown plan or region")
    with store.lock:
        item = Datastore(
            new_id(kind), store.next_seq(), text_of(body, "name"), plan, region, now, now, generated(), details
        )
        store.datastores[item.id] = item
    return item


def _shown(platform: Platform, item: Datastore) -> dict[str, Any]:
    shown = {
        "id": item.id,
        "name": item.name,
        "plan": item.plan,
        "region": item.region,
        # F49
        "status": "available",
        "owner": owner_json(platform.store.owner_id),
        "ipAllowList": [],
        "createdAt": stamp(item.created),
        "updatedAt": stamp(item.updated),
        "dashboardUrl": f"{platform.site}/{'d' if item.id.startswith('dpg-') else 'r'}/{item.id}",
        **item.details,
    }
    if item.id.startswith("red-"):
        return shown
    return shown | {
        "role": "primary",
        "suspended": "not_suspended",
        "suspenders": [],
        "readReplicas": [],
        "highAvailabilityEnabled": False,
        "diskAutoscalingEnabled": False,
        "connectionPool": "none",
        "project": None,
    }


def _connection(item: Datastore) -> dict[str, str]:
    if item.id.startswith("red-"):
        url = item.address or f"redis://{item.id}:6379"
        return {
            "internalConnectionString": url,
            "externalConnectionString": f"rediss://{item.id}:{item.password}@127.0.0.1:6379",
            "cliCommand": f"REDISCLI_AUTH={item.password} redis-cli --user {item.id} -h 127.0.0.1 -p 6379 --tls",
        }
    user, base = item.details["databaseUser"], item.details["databaseName"]
    return {
        "password": item.password,
        "internalConnectionString": item.address or f"postgresql://{user}:{item.password}@{item.id}/{base}",
        "externalConnectionString": f"postgresql://{user}:{item.password}@127.0.0.1/{base}",
        "psqlCommand": f"PGPASSWORD={item.password} psql -h 127.0.0.1 -U {user} {base}",
    }


def _wanted(platform: Platform, request: Request, item: Datastore) -> bool:
    facts = {"name": item.name, "region": item.region, "ownerId": platform.store.owner_id, "suspended": "not_suspended"}
    named = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    return named and in_window(request, "created", item.created) and in_window(request, "updated", item.updated)


def _find(platform: Platform, request: Request, kind: str) -> Datastore:
    item = platform.store.datastores.get(request.params["store"])
    if item is None or not item.id.startswith(f"{kind}-"):
        raise not_found(request.params["store"])
    return item


def _of(kind: str) -> tuple[Handler, Handler, Handler, Handler]:
    """Return the handlers that both kinds have: list, retrieve, connection, delete."""

    def listed(platform: Platform, request: Request) -> Reply:
        with platform.store.lock:
            mine = [d for d in platform.store.datastores.values() if d.id.startswith(f"{kind}-")]
            rows = [(d.seq, _shown(platform, d)) for d in mine if _wanted(platform, request, d)]
        return page(request, WRAPPER[kind], rows)

    def one(platform: Platform, request: Request) -> Reply:
        return Reply.json(_shown(platform, _find(platform, request, kind)))

    def connection(platform: Platform, request: Request) -> Reply:
        return Reply.json(_connection(_find(platform, request, kind)))

    def delete(platform: Platform, request: Request) -> Reply:
        with platform.store.lock:
            del platform.store.datastores[_find(platform, request, kind).id]
        return Reply(204)

    return listed, one, connection, delete


_POSTGRES, _KEY_VALUE = _of("dpg"), _of("red")
ROUTES: Table = (
    ("POST", "/postgres", "create_postgres", create_postgres),
    ("GET", "/postgres", "list_postgres", _POSTGRES[0]),
    ("GET", "/postgres/{store}", "retrieve_postgres", _POSTGRES[1]),
    ("GET", "/postgres/{store}/connection-info", "postgres_connection_info", _POSTGRES[2]),
    ("DELETE", "/postgres/{store}", "delete_postgres", _POSTGRES[3]),
    ("POST", "/key-value", "create_key_value", create_key_value),
    ("GET", "/key-value", "list_key_value", _KEY_VALUE[0]),
    ("GET", "/key-value/{store}", "retrieve_key_value", _KEY_VALUE[1]),
    ("GET", "/key-value/{store}/connection-info", "key_value_connection_info", _KEY_VALUE[2]),
    ("DELETE", "/key-value/{store}", "delete_key_value", _KEY_VALUE[3]),
)
