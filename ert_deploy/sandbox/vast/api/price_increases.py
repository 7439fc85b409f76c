"""Price increases: offers of a host to prolong a contract at a higher price, which the renter accepts or rejects.

Source: the `vastai` package (`api/price_increase.py`): routes, fields, the body with exactly one key, and the 404
`no_pending_price_increase`. The new price applies after the end date of the contract so far. The fault
`price_increase` makes a host offer one.
"""

from __future__ import annotations

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract, Increase
from ert_deploy.sandbox.vast.market import HOURS_PER_MONTH
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, success

KEY = "pending_price_increase_id"


def pending(estate: Estate, _: Request) -> Reply:
    """Return the open offers of hosts, which most accounts have none of."""
    rows = [_row(one, one.increase) for one in estate.live() if one.increase is not None and not one.increase.accepted]
    return success(count=len(rows), truncated=False, pending_price_increases=rows)


def accept(estate: Estate, request: Request) -> Reply:
    """Prolong the contract; the new price begins at its present end date."""
    contract, increase = _named(estate, request)
    increase.accepted = True
    contract.ends = increase.until
    return success(**{KEY: increase.id, "contract_id": contract.id})


def reject(estate: Estate, request: Request) -> Reply:
    """Close the offer; the contract ends as agreed."""
    contract, increase = _named(estate, request)
    contract.increase = None
    return success(**{KEY: increase.id, "contract_id": contract.id})


def _named(estate: Estate, request: Request) -> tuple[Contract, Increase]:
    body = body_of(request)
    if set(body) != {KEY} or not isinstance(body[KEY], int):
        raise Refusal(400, "invalid_args", f"the body must have exactly the key {KEY}")
    for contract in estate.live():
        increase = contract.increase
        if increase is not None and increase.id == body[KEY] and not increase.accepted:
            return contract, increase
    # F36
    raise Refusal(404, "no_pending_price_increase", "This price increase is no longer pending.")


def _row(contract: Contract, increase: Increase | None) -> Json:
    assert increase is not None
    storage = contract.ask.storage_cost / HOURS_PER_MONTH / 3600
    return {
        KEY: increase.id,
        "contract_id": contract.id,
        "host_id": contract.ask.host_id,
        "new_gpu_costpersec": increase.rate / 3600,
        "new_disk_ram_costpersec": None,
        "new_bwu_cost": None,
        "new_bwd_cost": None,
        "new_platform_fee": None,
        "old_gpu_costpersec": contract.gpu_rate() / 3600,
        "old_disk_ram_costpersec": storage,
        "old_bwu_cost": contract.ask.inet_up_cost,
        "old_bwd_cost": contract.ask.inet_down_cost,
        "old_platform_fee": None,
        "contract_end_date": contract.ends,
        "ask_end_date": increase.until,
        "created_at": increase.created,
    }
