"""Invoices: the payments of the account, in the three formats that Vast has.

Sources: Vast OpenAPI `show_invoices` (`GET /api/v1/invoices/`); the `vastai` package for `/users/me/invoices`
(deprecated: charges and payments in one list), `/invoices` (search by column) and `/contracts/fetch/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.filters import check, matches
from ert_deploy.sandbox.vast.statements import charges
from ert_deploy.sandbox.vast.statements.pages import filters_of, page, period, wanted
from ert_deploy.sandbox.vast.user.model import USER_ID
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of

FIRST_INVOICE = 2_185_418
SERVICE = "stripe_payments"


def invoices(estate: Estate, request: Request) -> Reply:
    """Return the payments of the period; a purchase of credit is negative, as in Vast's example."""
    filters = filters_of(request)
    first, last = period(filters, "when")
    service = wanted(filters, "service")
    rows = [
        {
            "start": at,
            "end": at,
            "type": "credit",
            "source": "stripe",
            "description": "Manual Billing from SANDBOX ...0000",
            "amount": -amount,
            "metadata": {"invoice_id": id, "service": SERVICE},
            "items": [],
        }
        for id, at, amount in _payments(estate)
        if first <= at <= last and service(SERVICE)
    ]
    return page(request, rows)


def history(estate: Estate, request: Request) -> Reply:
    """Return charges and payments of a period in one list, in the deprecated format."""
    try:
        first, last = float(request.one("sdate") or 0), float(request.one("edate") or estate.clock.now())
    except ValueError:
        raise Refusal(400, "invalid_request", "sdate and edate must be numbers") from None
    items = [item for row in charges.rows(estate, first, last) for item in _charged(row)]
    items += [
        {
            "type": "payment",
            "description": "Credit",
            "quantity": "1",
            "rate": f"{amount:.2f}",
            "amount": f"{amount:.2f}",
            "timestamp": at,
            "instance_id": None,
        }
        for _, at, amount in _payments(estate)
        if first <= at <= last
    ]
    if (request.one("inc_charges") or "true").lower() == "false":
        items = [item for item in items if item["type"] == "payment"]
    total = estate.bill().total
    return Reply.json(
        {
            "invoices": items,
            "current": {"charges": total, "service_fee": 0.0, "total": total, "credit": estate.credit()},
        }
    )


def _charged(row: Json) -> Iterator[Json]:
    instance = int(str(row["source"]).partition("-")[2])
    for item in row["items"]:
        quantity, _, rate = str(item["description"]).partition(" at ")
        yield {
            "type": "charge",
            "description": f"Instance {instance} {item['type']}",
            "quantity": quantity,
            "rate": rate,
            "amount": f"{item['amount']:.6f}",
            "timestamp": float(item["start"]),
            "instance_id": instance,
        }


def find(estate: Estate, request: Request) -> Reply:
    """Return the payments that match `select_filters`, as rows of columns."""
    filters = filters_of(request)
    for column, conditions in filters.items():
        check(column, conditions)
    rows = [
        {
            "id": id,
            "user_id": USER_ID,
            "when": at,
            "paid_on": at,
            "payment_expected": at,
            "amount_cents": round(amount * 100),
            "is_credit": True,
            "is_delayed": False,
            "service": SERVICE,
            "failed": False,
            "refunded": False,
            "is_check": False,
        }
        for id, at, amount in _payments(estate)
    ]
    return Reply.json([row for row in rows if matches(row, filters)])


def contracts(estate: Estate, request: Request) -> Reply:
    """Return id and label of the instances of `contract_ids` that have the label, destroyed ones too."""
    body = body_of(request)
    ids, label = body.get("contract_ids"), body.get("label")
    found = [
        {"id": one.id, "label": one.label}
        for one in estate.contracts.values()
        if (not isinstance(ids, list) or one.id in ids) and (label is None or one.label == label)
    ]
    return Reply.json({"success": True, "contracts": found})


def _payments(estate: Estate) -> Iterator[tuple[int, float, float]]:
    """Yield number, time and amount in $ of each payment."""
    for number, (at, amount) in enumerate(estate.payments):
        yield FIRST_INVOICE + number, at, amount
