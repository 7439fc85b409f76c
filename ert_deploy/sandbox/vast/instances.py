"""Instance handlers: list, show and manage instances, for the v0 and v1 routes of Vast.

Sources: Vast OpenAPI (`show_instance`, `show_instances`, `manage_instance`, `destroy_instance`, `change_bid`); field
reports for the removed v0 list (410), and for a rejected start with status 200 and `success: false`.
"""

from __future__ import annotations

from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract, Phase
from ert_deploy.sandbox.vast.create import MAX_BID, MIN_BID
from ert_deploy.sandbox.vast.listing import list_page
from ert_deploy.sandbox.vast.serialize import instance_row
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, instance_id, no_such_instance, success

MAX_LABEL = 1024
REFUSED = {
    "success": False,
    "error": "resources_unavailable",
    "msg": "Required resources are currently unavailable, state change queued.",
}


def rows(estate: Estate) -> list[Json]:
    """Return all instances as JSON, oldest first, including those that a fault omits from the list."""
    return [row(estate, contract) for contract in estate.live()]


def row(estate: Estate, contract: Contract) -> Json:
    """Return one instance as JSON."""
    lowest = estate.winning_bid(contract.ask)
    return instance_row(contract, estate.clock.now(), estate.troubles, estate.options, lowest)


def list_v1(estate: Estate, request: Request) -> Reply:
    """Return the requested page of the list, after the faults of the list are applied."""
    listed = [row(estate, c) for c in estate.contracts.values() if _is_listed(estate, c)]
    partial = estate.troubles.any("list_partial")
    hidden = int(partial.number("hide")) if partial is not None else 0
    return list_page(request, listed[: max(0, len(listed) - hidden)])


def list_v0(_: Estate, __: Request) -> Reply:
    """Return the 410 of the list that was removed in 2026."""
    raise Refusal(410, "deprecated_endpoint", "This endpoint is deprecated, use /api/v1/instances/.")


def _is_listed(estate: Estate, contract: Contract) -> bool:
    now = estate.clock.now()
    if contract.destroyed is not None:
        ghost = estate.troubles.on("ghost", contract)
        return ghost is not None and now - contract.destroyed < ghost.number("seconds")
    lag = estate.troubles.on("list_lag", contract)
    return lag is None or now - contract.created >= lag.number("seconds")


def show(estate: Estate, request: Request) -> Reply:
    """Return `{"instances": {..}}` with one object despite the plural name, or what says that it does not exist."""
    id = instance_id(request)
    contract = estate.get(id)
    if contract is not None:
        lag = estate.troubles.on("list_lag", contract)
        if lag is None or not lag.details["show"] or _is_listed(estate, contract):
            return Reply.json({"instances": row(estate, contract)})
    shape = estate.gone_shape(id)
    if shape == "404":
        raise no_such_instance(id)
    return Reply.json({"instances": {"null": None, "{}": {}, "[]": []}[shape]})


def manage(estate: Estate, request: Request) -> Reply:
    """Handle `{"state": ..}` and `{"label": ..}`."""
    contract = estate.get(instance_id(request))
    if contract is None:
        raise Refusal(404, "not_found", "Instance not found")
    body = body_of(request)
    if "label" in body:
        _label(contract, body["label"])
    if "state" in body:
        return _state(estate, contract, body["state"])
    if "label" not in body:
        raise Refusal(400, "invalid_args", "state or label is required")
    return success()


def _label(contract: Contract, label: Any) -> None:
    if label is not None and not isinstance(label, str):
        raise Refusal(400, "invalid_args", "label must be a string")
    if label is not None and len(label) > MAX_LABEL:
        raise Refusal(400, "label_too_long", f"label is longer than {MAX_LABEL}")
    contract.label = label


def _state(estate: Estate, contract: Contract, state: Any) -> Reply:
    if state == "stopped":
        estate.life.stop(contract, estate.clock.now())
        return success()
    if state == "running":
        return _start(estate, contract)
    raise Refusal(400, "invalid_args", f"invalid state {state!r}")


def _start(estate: Estate, contract: Contract) -> Reply:
    now = estate.clock.now()
    if estate.credit() <= 0:
        raise Refusal(400, "missing_billing", "Your account lacks credit; see the billing page.")
    if now < contract.ends and not estate.taken(contract.ask, contract.bid, but=contract):
        estate.life.start(contract, now)
        return success()
    tenant = estate.tenants.get(contract.ask.id)
    aftermath = (tenant.aftermath if tenant is not None else None) or estate.options.start_aftermath
    contract.queued = aftermath == "fires" and now < contract.ends
    contract.intended = "running" if contract.queued else "stopped"
    return Reply.json(REFUSED)


def destroy(estate: Estate, request: Request) -> Reply:
    """Destroy the instance at once; all later calls return a 404 `no_such_instance`."""
    id = instance_id(request)
    contract = estate.get(id)
    if contract is None:
        raise no_such_instance(id)
    estate.destroy(contract)
    return success()


def reboot(estate: Estate, request: Request) -> Reply:
    """Restart the container on the same GPU."""
    contract = _existing(estate, request)
    if contract.phase in (Phase.RUNNING, Phase.EXITED):
        estate.life.reboot(contract, estate.clock.now())
    return success()


def recycle(estate: Estate, request: Request) -> Reply:
    """Create a new container on the same GPU, with an empty disk, another image download and other ports."""
    contract = _existing(estate, request)
    if contract.phase in (Phase.RUNNING, Phase.EXITED):
        estate.life.reboot(contract, estate.clock.now(), recycle=True)
        estate.new_ports(contract)
    return success()


def change_bid(estate: Estate, request: Request) -> Reply:
    """Change the bid of an interruptible instance, in $/h; without a price, to one that wins (help of Vast's CLI)."""
    contract = _existing(estate, request)
    if contract.bid is None:
        raise Refusal(400, "invalid_args", "Instance is not interruptible.")
    body = body_of(request)
    try:
        price = estate.winning_bid(contract.ask) if body["price"] is None else float(body["price"])
    except (KeyError, TypeError, ValueError):
        raise Refusal(400, "invalid_args", "Please set a bid price.") from None
    if not MIN_BID <= price <= MAX_BID:
        raise Refusal(400, "invalid_args", f"Please set a bid price >= {MIN_BID}.")
    estate.life.rebid(contract, estate.clock.now(), price)
    return success()


def _existing(estate: Estate, request: Request) -> Contract:
    id = instance_id(request)
    contract = estate.get(id)
    if contract is None:
        raise no_such_instance(id)
    return contract
