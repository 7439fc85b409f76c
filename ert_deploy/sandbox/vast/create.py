"""Instance creation: `PUT /api/v0/asks/{id}/`, with all documented and observed errors.

Sources: Vast OpenAPI `create_instance` (errors, limits); field reports for a 200 with `success: false`, for errors with
a `new_contract`, and for `env`, which must be an object while the schema declares a string. Remote hosts in `env`,
`args` and `onstart` are replaced when the order is parsed; the image name is kept, because no image is downloaded.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.runtime.loopback import on_loopback
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Order
from ert_deploy.sandbox.vast.market import Ask
from ert_deploy.sandbox.vast.user.templates import with_template
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, success

MIN_DISK = 8.0
MAX_IMAGE, MAX_ARGS, MAX_LABEL, MAX_ENV = 1024, 4096, 256, 32768
MIN_BID, MAX_BID = 0.001, 128.0


def create(estate: Estate, request: Request) -> Reply:
    """Rent one offer; the response is `{"success": true, "new_contract": id, "instance_api_key": key}`."""
    ask_id = _ask_id(request)
    body = with_template(estate, body_of(request))
    order = read_order(ask_id, body)
    ask = estate.asks.get(ask_id)
    if ask is None:
        raise _gone(ask_id, 404)
    _refuse_by_trouble(estate, ask)
    if order.disk > ask.disk_space:
        raise _invalid(ask_id, f"disk size {order.disk:g} GB is more than the {ask.disk_space:g} GB available")
    if estate.credit() <= 0:
        raise _no_money("insufficient_credit", 400, ask_id)
    _refuse_with_leftover(estate, ask, order)
    return _rent(estate, ask, order, body)


def _rent(estate: Estate, ask: Ask, order: Order, body: Json) -> Reply:
    wanted = body.get("target_state", "running") != "stopped"
    # F17
    taken = estate.kept_out(ask, order.bid)  # a second instance on the same offer is accepted, but fails when it starts
    if taken and wanted and _cancels(body, order):
        raise _gone(ask.id, 410)
    if estate.troubles.use("created_stopped", ask):
        wanted = False
    contract = estate.rent(ask, order, running=wanted and not taken)
    contract.outbid = wanted and taken and order.bid is not None
    if estate.troubles.use("duplicate_create", ask):
        estate.rent(ask, order, running=True)
    return success(new_contract=contract.id, instance_api_key=contract.key)


def _cancels(body: Json, order: Order) -> bool:
    """Whether the call fails without a GPU: `cancel_unavail`, by default true for on-demand and false with a bid."""
    given = body.get("cancel_unavail")
    return order.bid is None if given is None else bool(given)


def _refuse_by_trouble(estate: Estate, ask: Ask) -> None:
    gone = estate.troubles.use("no_such_ask", ask)
    if gone is not None:
        raise _gone(ask.id, int(gone.number("status")))
    for kind in ("insufficient_credit", "spend_rate_limit"):
        poor = estate.troubles.use(kind, ask)
        if poor is not None:
            raise _no_money(kind, int(poor.number("status")), ask.id)


def _refuse_with_leftover(estate: Estate, ask: Ask, order: Order) -> None:
    """Raise the errors after which a stopped instance exists, with costs for its disk."""
    trouble = estate.troubles.use("create_error_with_contract", ask)
    low = order.bid is not None and order.bid < ask.min_bid
    if trouble is None and not low:
        return
    status = 400 if trouble is None else int(trouble.number("status"))
    leftover = estate.rent(ask, order, running=False)
    msg = f"error {status}/3645: bid {order.bid} is below the minimum of {ask.min_bid}; instance was created stopped"
    raise Refusal(status, "invalid_price", msg, ask_id=ask.id, new_contract=leftover.id)


def read_order(ask_id: int, body: Json) -> Order:
    """Parse the body of a create call. Raises `Refusal` 400 for the first invalid field."""
    args = body.get("args") or _split(ask_id, body.get("args_str"))
    if not isinstance(args, list):
        raise _invalid(ask_id, "args must be a list")
    if body.get("volume_info"):
        raise _invalid(ask_id, "volume_info: no such volume; the sandbox has none on offer")
    onstart = _text(ask_id, body, "onstart", MAX_ARGS)
    order = Order(
        image=_image(ask_id, body),
        env=_env(ask_id, body.get("env")),
        disk=_disk(ask_id, body.get("disk")),
        runtype=str(body.get("runtype") or ("args" if args or body.get("args_str") else "ssh")),
        label=_text(ask_id, body, "label", MAX_LABEL),
        args=tuple(on_loopback(str(arg)) for arg in args),
        onstart=None if onstart is None else on_loopback(onstart),
        bid=_bid(ask_id, body.get("price")),
        login=_text(ask_id, body, "image_login", MAX_ARGS),
        template_id=body.get("template_id"),
        template_hash_id=body.get("template_hash_id"),
    )
    if sum(map(len, order.args)) + len(order.onstart or "") > MAX_ARGS:
        raise _invalid(ask_id, f"args and onstart are longer than {MAX_ARGS}")
    return order


def _split(ask_id: int, args: Any) -> list[str]:
    try:
        return shlex.split(str(args or ""))
    except ValueError:
        raise _invalid(ask_id, "args_str has a quote without its end") from None


def _image(ask_id: int, body: Json) -> str:
    image = body.get("image")
    if not isinstance(image, str) or not image or len(image) > MAX_IMAGE:
        raise _invalid(ask_id, f"'image' is required and must be a string of at most {MAX_IMAGE} characters")
    return image


def _env(ask_id: int, env: Any) -> Mapping[str, str]:
    if env is None:
        return {}
    if not isinstance(env, dict):
        raise _invalid(ask_id, "invalid env type: env must be a dict")
    if sum(len(str(name)) + len(str(value)) for name, value in env.items()) > MAX_ENV:
        raise _invalid(ask_id, f"env is longer than {MAX_ENV}")
    return {str(name): on_loopback(str(value), str(name)) for name, value in env.items()}


def _disk(ask_id: int, disk: Any) -> float:
    try:
        size = float(10 if disk is None else disk)
    except (TypeError, ValueError):
        raise _invalid(ask_id, "disk must be a number") from None
    if not MIN_DISK <= size < float("inf"):
        raise _invalid(ask_id, f"disk must be at least {MIN_DISK:g} GB")
    return size


def _text(ask_id: int, body: Json, name: str, longest: int) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > longest):
        raise _invalid(ask_id, f"{name} must be a string of at most {longest} characters")
    return value


def _bid(ask_id: int, price: Any) -> float | None:
    if price is None:
        return None
    try:
        bid = float(price)
    except (TypeError, ValueError):
        bid = -1.0
    if not MIN_BID <= bid <= MAX_BID:
        raise Refusal(400, "invalid_price", f"error 400/3479: price must be {MIN_BID} to {MAX_BID:g}", ask_id=ask_id)
    return bid


def _ask_id(request: Request) -> int:
    try:
        return int(request.params["id"])
    except ValueError:
        msg = "error 400/3467: Invalid args: 'id' is required and must be a valid offer ID"
        raise Refusal(400, "invalid_args", msg) from None


def _invalid(ask_id: int, what: str) -> Refusal:
    return Refusal(400, "invalid_args", f"error 400/3467: Invalid args: {what}", ask_id=ask_id)


def _gone(ask_id: int, status: int) -> Refusal:
    if status == 404:
        msg = f"error 404/3603: no_such_ask Instance type by id {ask_id} is not available."
        return Refusal(404, "invalid_args", msg, ask_id=ask_id)
    msg = f"error {status}/3907: no_such_ask Instance type {ask_id} is no longer available."
    return Refusal(status, "no_such_ask", msg, ask_id=ask_id)


# F18
def _no_money(error: str, status: int, ask_id: int) -> Refusal:
    texts = {
        "insufficient_credit": "Your account lacks credit; see the billing page.",
        "spend_rate_limit": "Your account's spending rate limit would be exceeded.",
    }
    return Refusal(status, error, texts[error], ask_id=ask_id)
