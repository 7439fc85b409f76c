"""Account handlers: the user of the key and its only workspace."""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.pagination import not_found, page, values_of
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.serialize import OWNER_EMAIL, owner_json


def get_user(platform: Platform, _: Request) -> Reply:
    """Return the user; the simplest call to validate a key. The OpenAPI lacks `id`, Render's SDK 1.5.0 requires it."""
    return Reply.json({"id": platform.store.user_id, "email": OWNER_EMAIL, "name": "Sandbox Owner"})


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
    return owner_json(platform.store.owner_id)


ROUTES: Table = (
    ("GET", "/users", "get_user", get_user),
    ("GET", "/owners", "list_owners", list_owners),
    ("GET", "/owners/{owner}", "retrieve_owner", retrieve_owner),
)
