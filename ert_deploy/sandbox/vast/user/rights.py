"""Permissions: the permission required by each operation, and the check of a key.

Categories and routes are those of Vast's API docs, permissions, and of `api_scopes.json` in its CLI. The response to a
key without the permission is not documented; here it is a 403 `not_authorized`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.vast.user.model import ApiKey
from ert_deploy.sandbox.vast.wire import Refusal

CATEGORIES = frozenset(
    {
        "billing_read",
        "billing_write",
        "instance_read",
        "instance_write",
        "machine_read",
        "machine_write",
        "misc",
        "team_read",
        "team_write",
        "user_read",
        "user_write",
    }
)
NEEDED: Mapping[str, str] = {
    "search": "misc",
    "list": "instance_read",
    "list_v0": "instance_read",
    "show": "instance_read",
    "logs": "instance_read",
    "create": "instance_write",
    "manage": "instance_write",
    "destroy": "instance_write",
    "reboot": "instance_write",
    "recycle": "instance_write",
    "bid": "instance_write",
    "execute": "instance_write",
    "user": "user_read",
    "secrets": "user_read",
    "keys": "user_read",
    "secrets_write": "user_write",
    "filters": "instance_read",
    "instance_keys": "instance_read",
    "instance_keys_write": "instance_write",
    "update": "instance_write",
    "launch": "misc",
    "increases": "instance_read",
    "increases_write": "instance_write",
    "ssh_keys": "user_read",
    "ssh_keys_write": "user_write",
    "templates": "user_read",
    "templates_write": "user_write",
    "volumes": "instance_read",
    "volumes_write": "instance_write",
    "charges": "billing_read",
    "invoices": "billing_read",
    "volumes_search": "misc",
    "absent": "misc",
    "keys_write": "user_write",
}


def permit(key: ApiKey, operation: str) -> None:
    """Raise `Refusal` 403 unless the key has the permission required by the operation."""
    if NEEDED[operation] not in key.permissions:
        # F15
        raise Refusal(403, "not_authorized", f"This key lacks the permission {NEEDED[operation]}.")


def parse(permissions: Any) -> frozenset[str]:
    """Return the categories of `{"api": {"misc": {}, ..}}`.

    Raises `Refusal` 400 for other objects, and for limits on parameters.
    """
    found = permissions.get("api") if isinstance(permissions, dict) else None
    if not isinstance(found, dict) or not set(found) <= CATEGORIES:
        raise Refusal(400, "invalid_args", "permissions must be an object of known categories under api")
    if any(found.values()):
        raise Refusal(400, "invalid_args", "this double supports no limits on parameters")
    return frozenset(found)
