"""User handlers: the account, its environment variables (`/secrets/`) and its API keys, according to Vast's OpenAPI."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.runtime.loopback import off_loopback
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.user.model import USER_ID, ApiKey
from ert_deploy.sandbox.vast.user.rights import CATEGORIES, parse
from ert_deploy.sandbox.vast.wire import Refusal, body_of, success

_NAME, _VALUE = re.compile(r"[a-zA-Z_]\w*"), re.compile(r"[a-zA-Z0-9_\-.]+")  # the patterns of the published schema


def show(estate: Estate, _: Request) -> Reply:
    """Return the account; the available money is `credit`."""
    credit = estate.credit()
    return Reply.json(
        {
            "id": USER_ID,
            "email": "sandbox@localhost",
            "username": "sandbox",
            "credit": credit,
            "balance": 0.0,
            "balance_threshold": 1.0,
            "balance_threshold_enabled": False,
            "has_billing": True,
            "key_id": 1,
            "sid": "sandbox",
            "ssh_key": next((key.text for key in estate.user.ssh_keys.values()), ""),
        }
    )


def variables(estate: Estate, _: Request) -> Reply:
    """Return names and values; Vast's command line hides the values."""
    return success(secrets=dict(estate.user.variables))


def create_variable(estate: Estate, request: Request) -> Reply:
    """Create a variable; its name is converted to upper case."""
    name, value = _variable(body_of(request))
    if name in estate.user.variables:
        raise Refusal(400, "existing_key", f"Environment variable {name} already exists.")
    estate.user.variables[name] = value
    return success(msg="Environment variable added successfully")


def update_variable(estate: Estate, request: Request) -> Reply:
    """Change the value of an existing variable."""
    name, value = _variable(body_of(request))
    _existing(estate, name)
    estate.user.variables[name] = value
    return success(msg="Environment variable updated successfully")


def delete_variable(estate: Estate, request: Request) -> Reply:
    """Delete a variable; containers started later do not have it."""
    name = str(body_of(request).get("key") or "").upper()
    _existing(estate, name)
    del estate.user.variables[name]
    return success(msg="Environment variable deleted successfully")


def _variable(body: dict[str, Any]) -> tuple[str, str]:
    name, value = str(body.get("key") or "").upper(), body.get("value")
    if not name or not isinstance(value, str) or not value:
        raise Refusal(400, "missing_input", "Both 'key' and 'value' are required.")
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Refusal(400, "invalid_args", "key or value holds a character that is not allowed")
    if off_loopback({name: value}):
        raise Refusal(400, "invalid_args", "the sandbox reaches loopback only, and this value is another host")
    return name, value


def _existing(estate: Estate, name: str) -> None:
    if name not in estate.user.variables:
        raise Refusal(400, "nonexistent_key", f"Environment variable {name} does not exist.")


def keys(estate: Estate, _: Request) -> Reply:
    """Return the additional API keys, without their values."""
    return Reply.json({"apikeys": _keys(estate)})


def _keys(estate: Estate) -> list[dict[str, Any]]:
    return [
        {"id": key.id, "name": key.name, "permissions": {"api": {name: {} for name in sorted(key.permissions)}}}
        for key in estate.user.keys.values()
    ]


def key(estate: Estate, request: Request) -> Reply:
    """Return one additional API key, without its value."""
    for row in _keys(estate):
        if str(row["id"]) == request.params["id"]:
            return Reply.json(row)
    raise Refusal(404, "not_found", "No such API key")


def create_key(estate: Estate, request: Request) -> Reply:
    """Create a key with the given permissions, by default all; its value is returned only here."""
    body = body_of(request)
    permissions = parse(body["permissions"]) if "permissions" in body else CATEGORIES
    number = max((key.id for key in estate.user.keys.values()), default=1) + 1
    made = ApiKey(number, str(body.get("name") or ""), secrets.token_hex(32), permissions)
    estate.user.keys[made.value] = made
    return Reply.json({"id": made.id, "key": made.value, "permissions": body.get("permissions")})


def delete_key(estate: Estate, request: Request) -> Reply:
    """Delete a key, which is invalid from now on."""
    found = next((k for k in estate.user.keys.values() if str(k.id) == request.params["id"]), None)
    if found is None:
        raise Refusal(404, "not_found", "No such API key")
    del estate.user.keys[found.value]
    return success()
