"""Bulk handlers: one call that creates, starts, stops or destroys several instances.

Routes and bodies: the `vastai` package (`api/instances.py`), which its command line uses for two ids or more. Vast
documents no response. Here an unknown id fails the whole call before anything is done; else each instance is handled
like a call of its own, and the first refusal is the response.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast import instances
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.create import create
from ert_deploy.sandbox.vast.wire import Refusal, body_of, no_such_instance, success

MAX_IDS = 64


def create_all(estate: Estate, request: Request) -> Reply:
    """Rent each offer of `ids`; the response has `new_contracts`, and `failed` with the error of each other offer."""
    made: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for id in _ids(body_of(request), "ids"):
        try:
            made.append(_json(create(estate, replace(request, params={"id": str(id)}))))
        except Refusal as refusal:
            failed.append({"id": id, "error": refusal.error, "msg": refusal.msg})
    if not made:
        raise Refusal(400, "invalid_args", "; ".join(one["msg"] for one in failed), failed=failed)
    return success(new_contracts=[one["new_contract"] for one in made], failed=failed)


def change_state(estate: Estate, request: Request) -> Reply:
    """Start or stop each instance of `ids`."""
    return _each(estate, request, _ids(body_of(request), "ids"), instances.manage)


def destroy_all(estate: Estate, request: Request) -> Reply:
    """Destroy each instance of `instance_ids`."""
    return _each(estate, request, _ids(body_of(request), "instance_ids"), instances.destroy)


def _each(estate: Estate, request: Request, ids: list[int], handler: Any) -> Reply:
    for id in ids:
        if estate.get(id) is None:
            raise no_such_instance(id)  # F58
    replies = [handler(estate, replace(request, params={"id": str(id)})) for id in ids]
    return next((reply for reply in replies if not _json(reply).get("success")), success())


def _ids(body: Mapping[str, Any], name: str) -> list[int]:
    ids = body.get(name)
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
        raise Refusal(400, "invalid_args", f"{name} must be a list of 1 to {MAX_IDS} ids")
    try:
        return list(dict.fromkeys(int(id) for id in ids))
    except (TypeError, ValueError):
        raise Refusal(400, "invalid_args", f"{name} must be a list of numbers") from None


def _json(reply: Reply) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(reply.body or b"{}")
    return value
