"""Update handlers: another image, template or environment for an instance, and the values that lists are filtered by.

Sources: the `vastai` package (`api/instances.py`: `update_template`, `/instances/filters/`) and its help: the change
takes effect when the container is recycled or rebooted. Published ports were fixed at the creation.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast import instances
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Order
from ert_deploy.sandbox.vast.create import read_order
from ert_deploy.sandbox.vast.user.templates import with_template
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, instance_id, no_such_instance, success

CHANGES = ("image", "args", "env", "onstart", "template_id", "template_hash_id")


def update(estate: Estate, request: Request) -> Reply:
    """Change the order of an instance; the answer has the row of the instance as `updated_instance`."""
    id = instance_id(request)
    contract = estate.get(id)
    if contract is None:
        raise no_such_instance(id)
    body = body_of(request)
    if not any(body.get(name) is not None for name in CHANGES):
        raise Refusal(400, "invalid_args", f"one of {', '.join(CHANGES)} is required")
    order = _changed(estate, contract.order, body)
    if order.image != contract.order.image:
        contract.image_left = estate.options.image_gb
    contract.order = order
    return success(updated_instance=instances.row(estate, contract))


def _changed(estate: Estate, order: Order, body: Json) -> Order:
    kept = {name: value for name, value in order.env.items() if name.startswith("-")}
    args = body.get("args")
    new: Json = {
        "image": body.get("image") or (None if _template(body) else order.image),
        "env": dict(order.env) if body.get("env") is None else body["env"],
        "args": shlex.split(args) if isinstance(args, str) else (args or list(order.args)),
        "onstart": order.onstart if body.get("onstart") is None else body["onstart"],
        "disk": order.disk,
        "runtype": order.runtype,
        "template_id": body.get("template_id"),
        "template_hash_id": body.get("template_hash_id"),
    }
    read = read_order(0, with_template(estate, new))
    variables = {name: value for name, value in read.env.items() if not name.startswith("-")}
    return replace(read, env={**variables, **kept}, label=order.label, bid=order.bid)


def _template(body: Json) -> bool:
    return body.get("template_id") is not None or body.get("template_hash_id") is not None


def filter_values(estate: Estate, _: Request) -> Reply:
    """Return the distinct values of the columns that the list of instances is filtered by."""
    columns = ("actual_status", "verification", "gpu_name")
    found: dict[tuple[Any, ...], Json] = {}
    for row in instances.rows(estate):
        found[tuple(row[name] for name in columns)] = {name: row[name] for name in columns}
    return success(filters=list(found.values()))
