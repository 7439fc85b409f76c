"""Charges of a Vast account: the items of its statement, GPU, disk and traffic of each instance.

Source: Vast OpenAPI `show_charges`: `GET /charges/`, the first and the last second of the period, pages of 100 rows.
The statement follows the use by hours (field reports).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from ert_deploy.core.ledger.model import DISK, GPU, TRAFFIC
from ert_deploy.core.ledger.statement import Item
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.plain.fields import number, rows, text
from ert_deploy.core.model.provider import instance_id
from ert_deploy.providers.vast.account import allowed
from ert_deploy.providers.vast.session import Session

T = TypeVar("T")
PAGE, MAX_PAGES = 100, 100
KINDS: Mapping[str, str] = {"gpu": GPU, "disk": DISK, "bwd": TRAFFIC, "bwu": TRAFFIC}
SOURCE = "instance-"


class Read(Protocol):
    """Retries and paces a read. Raises `CannotObserve` when it keeps failing, `UsageError` for an invalid key."""

    def __call__(self, operation: str, what: str, call: Callable[[], T]) -> T:
        """Run `call` as this operation; `what` describes it in messages."""


class ChargeReader:
    """Reads the charges of one API key's account."""

    def __init__(self, session: Session, read: Read) -> None:
        self._session = session
        self._read = read

    def charges(self, first: float, last: float) -> tuple[Item, ...] | None:
        """Return all items of a period, None without the right `billing_read`. Raise `CannotObserve`."""
        found: list[Item] = []
        params: dict[str, Any] = {
            "select_filters": {"day": {"gte": int(first), "lte": int(last)}}, "format": "tree", "limit": PAGE,
        }  # fmt: skip
        for _ in range(MAX_PAGES):
            page = self._read("charges", "charges of the account", partial(allowed, partial(self._get, params)))
            if page is None:
                return None
            try:
                found += _items(page)
                token = page.get("next_token")
            except (TypeError, ValueError, KeyError) as error:
                raise CannotObserve("Vast.ai's list of charges cannot be read", str(error)) from error
            if not token:
                return tuple(found)
            params = {**params, "after_token": token}
        raise CannotObserve(f"Vast.ai's list of charges did not end after {MAX_PAGES} pages")

    def _get(self, params: Mapping[str, Any]) -> Any:
        response = self._session.sdk.client.get("/charges/", query_args=params)
        response.raise_for_status()
        return response.json()


def _items(page: Any) -> Iterator[Item]:
    """Yield the items of all instances; those of volumes or endpoints are not ours."""
    if not isinstance(page, dict) or page.get("success") is not True:
        raise TypeError("it is no list of charges")
    for row in rows(page["results"]):
        source = row["source"]
        if not isinstance(source, str) or not source.startswith(SOURCE):
            continue
        instance = instance_id(source.removeprefix(SOURCE))
        for item in rows(row["items"]):
            if (kind := KINDS.get(text(item["type"]))) is not None:
                begin, end = number(item["start"]), number(item["end"])
                yield Item(instance, kind, begin, max(begin, end), number(item["amount"]))
