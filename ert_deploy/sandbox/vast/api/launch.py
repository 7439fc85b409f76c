"""Launch handler: `PUT /api/v0/launch_instance/` rents the first offer of a search that can be rented.

Source: the `vastai` package (`api/offers.py`): the query is under `q`, the rest of the body is that of a create call.
"""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.api.market import matching
from ert_deploy.sandbox.vast.create import create
from ert_deploy.sandbox.vast.wire import Refusal, body_of


def launch(estate: Estate, request: Request) -> Reply:
    """Rent the best match. Raises `Refusal` 404 when no offer matches, else the refusal of the last one tried."""
    # F35
    refused = Refusal(404, "no_such_ask", "error 404/3603: no_such_ask No offer matches the query.")
    for offer in matching(estate, body_of(request).get("q", {})):
        try:
            return create(estate, replace(request, params={"id": str(offer["id"])}))
        except Refusal as refusal:
            refused = refusal
            if refusal.error not in ("no_such_ask", "invalid_args"):
                break
    raise refused
