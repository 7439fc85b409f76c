"""Pages of a statement: period, order and cursor of a query. No I/O.

Source: Vast OpenAPI `show_charges` and `show_invoices`: both ends of the period are required, at most 100 rows a page
(20 by default), cursors are base64 JSON.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.wire import Json, Refusal, success

PAGE, MAX_PAGE = 20, 100


def filters_of(request: Request) -> Mapping[str, Any]:
    """Return `select_filters`. Raises `Refusal` 400 unless it is an object in JSON."""
    try:
        filters = json.loads(request.one("select_filters") or "{}")
    except ValueError:
        filters = None
    if not isinstance(filters, dict):
        raise Refusal(400, "invalid_request", "Error in query parameters: select_filters must be an object")
    return filters


def period(filters: Mapping[str, Any], column: str) -> tuple[float, float]:
    """Return first and last second of the period. Raises `Refusal` 400 unless both are given as numbers."""
    limits = filters.get(column)
    try:
        first, last = float(limits["gte"]), float(limits["lte"])  # type: ignore[index]
        if not math.isfinite(first) or not math.isfinite(last):
            raise ValueError(limits)
    except (TypeError, KeyError, ValueError):
        msg = f"Must provide both '{column}' gte and lte filters"
        raise Refusal(400, "invalid_request", msg) from None
    return first, last


def wanted(filters: Mapping[str, Any], column: str) -> Callable[[str], bool]:
    """Return the test of a column that is filtered by `{"in": [..]}` or `{"eq": ..}`, or not at all."""
    limits = filters.get(column)
    if not isinstance(limits, dict):
        return lambda _: True
    known = limits.get("in", [limits.get("eq")])
    return lambda value: isinstance(known, list) and value in known


def page(request: Request, rows: Sequence[Json]) -> Reply:
    """Return the requested page of `rows`, which are sorted by their `start`."""
    newest = (request.one("latest_first") or "false").lower() == "true"
    ordered = sorted(rows, key=lambda row: float(row["start"]), reverse=newest)
    first = _offset(request.one("after_token"))
    shown = ordered[first : first + _limit(request)]
    end = first + len(shown)
    token = base64.b64encode(json.dumps({"offset": end}).encode()).decode() if end < len(ordered) else None
    return success(count=len(shown), total=len(ordered), next_token=token, results=shown)


def _limit(request: Request) -> int:
    try:
        limit = int(request.one("limit") or PAGE)
    except ValueError:
        raise Refusal(400, "invalid_request", "Error in query parameters: limit") from None
    return min(max(1, limit), MAX_PAGE)


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        offset = int(json.loads(base64.b64decode(token, validate=True))["offset"])
    except (ValueError, TypeError, KeyError):
        raise Refusal(400, "invalid_token", "Invalid pagination token") from None
    return max(0, offset)
