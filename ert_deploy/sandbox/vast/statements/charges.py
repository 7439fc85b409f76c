"""Charges: what each instance cost within a period, by GPU, disk and download.

Source: Vast OpenAPI `show_charges`. The costs are those of the meter, so that their sum is the bill; the real
statement follows the use by hours (field reports), this one is always up to date.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.billing import HOUR, Span, Transfer
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.market import DAY
from ert_deploy.sandbox.vast.statements.pages import filters_of, page, period, wanted
from ert_deploy.sandbox.vast.wire import Json, Refusal


def charges(estate: Estate, request: Request) -> Reply:
    """Return one row for each instance that cost something between the two days, with its items."""
    filters = filters_of(request)
    first, last = period(filters, "day")
    if (request.one("format") or "table") not in ("table", "tree"):
        raise Refusal(400, "invalid_request", "format must be table or tree")
    kind = wanted(filters, "type")
    return page(request, [row for row in rows(estate, first, last) if kind(row["type"])])


def rows(estate: Estate, first: float, last: float) -> Iterator[Json]:
    """Yield the row of each instance that cost something within the period, which ends now at the latest."""
    now = min(last, estate.clock.now())
    for contract in estate.contracts.values():
        items = [item for item in _items(contract, first, now) if item["amount"] > 0]
        if items:
            start, end = min(item["start"] for item in items), max(item["end"] for item in items)
            days = max(1, math.ceil((end - start) / DAY))
            yield {
                **_row("instance", start, end, sum(item["amount"] for item in items)),
                "source": f"instance-{contract.id}",
                "description": f"Instance {contract.id} Charges - {days} day{'s' if days > 1 else ''}",
                "metadata": {
                    "template_id": contract.order.template_id,
                    "label": contract.label,
                    "endpoint_id": None,
                    "workergroup_id": None,
                },
                "items": items,
            }


def _items(contract: Contract, first: float, last: float) -> Iterator[Json]:
    for kind, spans in (("gpu", contract.meter.gpu), ("disk", contract.meter.storage)):
        for span in spans:
            yield _span(kind, span, first, last)
    for transfer in contract.meter.transfers:
        yield _transfer(transfer, first, last)


def _span(kind: str, span: Span, first: float, last: float) -> Json:
    start, end = max(first, span.start), min(last, last if span.end is None else span.end)
    hours = max(0.0, end - start) / HOUR
    text = f"{hours:.3f} hours at ${span.rate:.4g}/hour"
    return {**_row(kind, start, end, hours * span.rate), "description": text}


def _transfer(transfer: Transfer, first: float, last: float) -> Json:
    gigabytes = transfer.gigabytes(last) - transfer.gigabytes(min(first, last))
    start, end = max(first, transfer.start), min(last, last if transfer.end is None else transfer.end)
    text = f"{gigabytes:.3f} GB at ${transfer.price:.4g}/GB"
    return {**_row("bwd", start, end, gigabytes * transfer.price), "description": text}


def _row(kind: str, start: float, end: float, amount: float) -> Json:
    return {
        "start": int(start),
        "end": int(max(start, end)),
        "type": kind,
        "source": None,
        "description": "",
        "amount": amount,
        "metadata": {},
        "items": [],
    }
