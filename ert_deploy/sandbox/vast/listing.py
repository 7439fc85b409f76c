"""Instance list: `GET /api/v1/instances/` with filters, sorting and pages. No I/O.

Source: Vast OpenAPI `show_instances`: at most 25 rows per page, a limit of 0 or less becomes 5, only stored columns
can be used in filters and sorting, cursors are base64 JSON with the sort keys of the last row, `id` is always the last
sort key.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.filters import check, matches
from ert_deploy.sandbox.vast.wire import Json, Refusal

PAGE = 25
SMALL_PAGE = 5
STORED = frozenset(
    (
        "id",
        "label",
        "actual_status",
        "intended_status",
        "cur_state",
        "next_state",
        "gpu_name",
        "num_gpus",
        "machine_id",
        "host_id",
        "verification",
        "image_uuid",
        "is_bid",
        "start_date",
        "end_date",
        "template_id",
        "template_hash_id",
        "geolocation",
    )
)
Order = Sequence[tuple[str, bool]]


def list_page(request: Request, rows: Sequence[Json]) -> Reply:
    """Return the requested page of `rows`, which are all instances of the account."""
    order = _order(request)
    found = _sorted([row for row in rows if matches(row, _filters(request))], order)
    after = request.one("after_token")
    rest = found if not after else [row for row in found if _is_after(row, _read_token(after, order), order)]
    page = rest[: _limit(request)]
    more = len(rest) > len(page)
    return Reply.json(
        {
            "success": True,
            "instances_found": len(found),
            "total_instances": len(rows),
            "label_counts": Counter(row.get("label") or "" for row in found),
            "next_token": _token(page[-1], order) if more else None,
            "instances": [_columns(row, _wanted(request)) for row in page],
        }
    )


def _parameter(request: Request, name: str, default: Any) -> Any:
    text = request.one(name)
    if not text:
        return default
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal(400, "invalid_request", f"Error in query parameters: {name} is not valid JSON") from None


def _filters(request: Request) -> Mapping[str, Any]:
    filters = _parameter(request, "select_filters", {})
    if not isinstance(filters, dict):
        raise Refusal(400, "invalid_request", "Error in query parameters: select_filters must be an object")
    for column, conditions in filters.items():
        _must_be_stored(column)
        check(column, conditions)
    return filters


def _must_be_stored(column: str) -> None:
    if column not in STORED:
        raise Refusal(400, "invalid_request", f"Error in query parameters: {column} is not a valid search key")


def _order(request: Request) -> Order:
    """Return (column, descending) pairs, with `id` as the last one."""
    given = _parameter(request, "order_by", [])
    try:
        order = [(str(one["col"]), str(one.get("dir", "asc")).lower() == "desc") for one in given]
    except (TypeError, KeyError, AttributeError):
        raise Refusal(400, "invalid_request", "Error in query parameters: order_by") from None
    for column, _ in order:
        _must_be_stored(column)
    return order if any(column == "id" for column, _ in order) else [*order, ("id", False)]


def _limit(request: Request) -> int:
    try:
        limit = int(request.one("limit") or PAGE)
    except ValueError:
        raise Refusal(400, "invalid_request", "Error in query parameters: limit") from None
    return min(limit, PAGE) if limit > 0 else SMALL_PAGE


def _wanted(request: Request) -> list[str] | None:
    columns = _parameter(request, "select_cols", ["*"])
    if not isinstance(columns, list):
        raise Refusal(400, "invalid_request", "Error in query parameters: select_cols must be a list")
    return None if "*" in columns else [str(column) for column in columns]


def _columns(row: Json, wanted: list[str] | None) -> Json:
    return row if wanted is None else {column: row.get(column) for column in wanted}


def _key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, (int, float)) else (2, str(value))


def _sorted(rows: list[Json], order: Order) -> list[Json]:
    for column, descending in reversed(order):
        rows.sort(key=lambda row: _key(row.get(column)), reverse=descending)
    return rows


def _is_after(row: Json, last: Mapping[str, Any], order: Order) -> bool:
    for column, descending in order:
        mine, theirs = _key(row.get(column)), _key(last[column])
        if mine != theirs:
            return mine < theirs if descending else mine > theirs
    return False


def _token(row: Json, order: Order) -> str:
    return base64.b64encode(json.dumps({"values": {column: row.get(column) for column, _ in order}}).encode()).decode()


def _read_token(token: str, order: Order) -> Mapping[str, Any]:
    try:
        values = json.loads(base64.b64decode(token, validate=True))["values"]
        return {column: values[column] for column, _ in order}
    except (ValueError, TypeError, KeyError):
        raise Refusal(400, "invalid_token", "Invalid after_token") from None
