"""Fault control: applies a fault at once, adds it to the faults of the server, or keeps it active."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.conditions.knobs import Knobs
from ert_deploy.sandbox.vast.conditions.tenancy import Tenant
from ert_deploy.sandbox.vast.contract import Contract, Increase
from ert_deploy.sandbox.vast.faults import AT_ONCE, DEFAULTS, Trouble, parse
from ert_deploy.sandbox.vast.market import DAY

HTML = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body></html>\r\n"
# The four known bodies of a 429 (Vast docs, rate-limits-and-errors, and the source code of the SDK).
TOO_FREQUENT: Mapping[str, tuple[str, str]] = {
    "detail": (json.dumps({"detail": "API requests too frequent endpoint threshold=4.5"}), "application/json"),
    "text": ("API requests too frequent: endpoint threshold=4.5", "text/plain"),
    "error": (
        json.dumps({"success": False, "error": "rate_limit_exceeded", "msg": "API requests too frequent"}),
        "application/json",
    ),
    "quota": (
        json.dumps({"success": False, "error": "search_quota_exceeded", "msg": "Daily search quota exceeded"}),
        "application/json",
    ),
}


def switch_on(estate: Estate, faults: Faults, value: Mapping[str, Any]) -> None:
    """Activate one fault given as JSON. Raises `ValueError` if it is invalid."""
    trouble = parse(value)
    fault = _as_fault(estate, trouble)
    if fault is not None:
        faults.add(replace(fault, kind=trouble.kind))
        return
    event = EVENTS.get(trouble.kind)
    if event is not None:
        event(estate, trouble)
        return
    estate.troubles.add(trouble)
    retime(estate)


def switch_off(estate: Estate, faults: Faults, kind: str) -> None:
    """End one kind of fault. Raises `ValueError` for one that is over at once, and for an unknown kind."""
    if kind not in DEFAULTS or kind in AT_ONCE:
        raise ValueError(f"{kind} is over at once" if kind in AT_ONCE else f"unknown trouble {kind!r}")
    estate.troubles.clear(kind)
    faults.clear(kind)
    for id, tenant in list(estate.tenants.items()):
        if tenant.kind == kind:
            del estate.tenants[id]
            if estate.asks[id].rented:
                estate.tenants[id] = Tenant()
    if kind == "market":
        estate.set_knobs(estate.options.knobs)
    if kind == "offline":
        estate.lost = dict.fromkeys(estate.lost, estate.clock.now())
        estate.tick()
    retime(estate)


def active(estate: Estate, faults: Faults) -> set[str]:
    """Return the kinds of faults that are still active."""
    taken = {tenant.kind for tenant in estate.tenants.values() if tenant.kind}
    lasting = {"offline": bool(estate.lost), "market": estate.knobs != estate.options.knobs}
    own = {one["kind"] for one in estate.troubles.pending()} | faults.kinds() | taken
    return own | {kind for kind, on in lasting.items() if on}


def retime(estate: Estate) -> None:
    """Apply the active faults to each download in progress."""
    for contract in estate.live():
        estate.life.retime(contract, estate.clock.now())


def _as_fault(estate: Estate, trouble: Trouble) -> Fault | None:
    count = trouble.left or 1
    match trouble.kind:
        case "rate_limit":
            return _rate_limit(trouble, count)
        case "html":
            operation, status = str(trouble.details["operation"]), int(trouble.number("status"))
            return Fault(operation, status=status, body=HTML, content_type="text/html", count=count)
        case "late_create":
            late = estate.clock.real_seconds(trouble.number("seconds"))
            return Fault("create", "late", late=late, count=count, **_silence(trouble))
        case "lost_create":
            return Fault("create", "after", count=count, **_silence(trouble))
        case _:
            return None


def _rate_limit(trouble: Trouble, count: int) -> Fault:
    form, after = str(trouble.details["form"]), trouble.details["retry_after"]
    if form not in TOO_FREQUENT:
        raise ValueError(f"rate_limit has no form {form}; known: {', '.join(TOO_FREQUENT)}")
    body, content_type = TOO_FREQUENT[form]
    headers = {} if after is None else {"Retry-After": str(after)}
    operation = str(trouble.details["operation"])
    return Fault(operation, status=429, body=body, headers=headers, content_type=content_type, count=count)


def _silence(trouble: Trouble) -> dict[str, Any]:
    status = trouble.details["status"]
    return {"reset": True} if status is None else {"status": int(status), "body": HTML, "content_type": "text/html"}


def _hit(estate: Estate, trouble: Trouble) -> Iterator[Contract]:
    return (c for c in estate.live() if trouble.hits(c.ask, c))


def _take_gpu(estate: Estate, trouble: Trouble) -> None:
    seconds = trouble.details["seconds"]
    until = None if seconds is None else estate.clock.now() + float(seconds)
    price = trouble.number("price") if trouble.kind == "outbid" else None
    aftermath = trouble.details.get("aftermath")
    if trouble.instance_id is not None:
        asks = {c.ask.id for c in _hit(estate, trouble)}
    else:
        asks = {ask.id for ask in estate.asks.values() if trouble.hits(ask, None)}
    for id in asks:
        estate.tenants[id] = Tenant(until, price, aftermath, trouble.kind)
    estate.tick()


def _lose_host(estate: Estate, trouble: Trouble) -> None:
    seconds, now = trouble.details["seconds"], estate.clock.now()
    if trouble.instance_id is not None:
        lost = {c.ask.machine_id for c in _hit(estate, trouble)}
    else:
        lost = {ask.machine_id for ask in estate.asks.values() if trouble.hits(ask, None)}
    for machine in lost:
        estate.lost[machine] = None if seconds is None else now + float(seconds)
    for contract in estate.live():
        if contract.ask.machine_id in lost:
            estate.life.lose_host(contract, now)


def _crash(estate: Estate, trouble: Trouble) -> None:
    for contract in _hit(estate, trouble):
        estate.machines.kill(contract.id)


def _end_contract(estate: Estate, trouble: Trouble) -> None:
    for contract in _hit(estate, trouble):
        contract.ends = estate.clock.now() + trouble.number("seconds")
    estate.tick()


def _offer_increase(estate: Estate, trouble: Trouble) -> None:
    """Let hosts offer to prolong their contracts at a higher price."""
    now = estate.clock.now()
    for contract in _hit(estate, trouble):
        rate, until = contract.gpu_rate() * trouble.number("factor"), contract.ends + trouble.number("days") * DAY
        contract.increase = Increase(contract.id * 10 + 1, rate, contract.ends, until, now)


def _set_market(estate: Estate, trouble: Trouble) -> None:
    fields = {name: trouble.number(name) for name in DEFAULTS[trouble.kind] if name != "gone"}
    estate.set_knobs(Knobs(**fields, gone=tuple(trouble.details["gone"])))


def _set_price(estate: Estate, trouble: Trouble) -> None:
    for id, ask in estate.asks.items():
        if trouble.hits(ask, None):
            factor = trouble.number("factor")
            estate.asks[id] = replace(ask, dph_base=ask.dph_base * factor, min_bid=ask.min_bid * factor)


def _set_credit(estate: Estate, trouble: Trouble) -> None:
    estate.pay(trouble.number("value") - estate.credit())
    estate.tick()


EVENTS: Mapping[str, Callable[[Estate, Trouble], None]] = {
    "gpu_taken": _take_gpu,
    "outbid": _take_gpu,
    "offline": _lose_host,
    "crash": _crash,
    "contract_end": _end_contract,
    "price": _set_price,
    "credit": _set_credit,
    "price_increase": _offer_increase,
    "market": _set_market,
}
