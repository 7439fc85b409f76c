"""Price increases at Vast: open offers of hosts to prolong the contracts of this account. Only reads.

Source: `show_pending_price_increases` of the `vastai` package. Accepting one is for the renter: nothing here does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.plain.fields import number, rows, whole
from ert_deploy.core.model.provider import instance_id
from ert_deploy.core.notices.increase import PriceIncrease
from ert_deploy.ports import Clock
from ert_deploy.providers.vast.account import allowed
from ert_deploy.providers.vast.session import Session

T = TypeVar("T")
EVERY = 3600.0  # seconds: such an offer comes days before the end
WITHIN = 5.0  # seconds after which a read is not tried again
PATH = "/instances/pending-price-increases/"


class Read(Protocol):
    """Retries and paces a read. Raises `CannotObserve` when it keeps failing, `UsageError` for an invalid key."""

    def __call__(self, operation: str, what: str, call: Callable[[], T], within: float = ...) -> T:
        """Run `call` as this operation, again for at most `within` seconds; `what` describes it in messages."""


class IncreaseReader:
    """Reads the open price increases of one API key's account, at most every `EVERY` seconds."""

    def __init__(self, session: Session, clock: Clock, read: Read) -> None:
        self._session = session
        self._clock = clock
        self._read = read
        self._tried: float | None = None
        self._known: tuple[PriceIncrease, ...] | None = None

    def pending(self) -> tuple[PriceIncrease, ...] | None:
        """Return the open increases as they were last read, None without the right. Raise `CannotObserve` once."""
        now = self._clock.steady()
        if self._tried is None or now - self._tried >= EVERY:
            self._tried, self._known = now, None
            body = self._read("increases", "price increases", partial(allowed, self._get), WITHIN)
            try:
                self._known = None if body is None else tuple(_increases(body))
            except (TypeError, ValueError, KeyError) as error:
                raise CannotObserve("Vast.ai's list of price increases cannot be read", str(error)) from error
        return self._known

    def _get(self) -> Any:
        response = self._session.sdk.client.get(PATH)
        response.raise_for_status()
        return response.json()


def _increases(body: Any) -> Iterator[PriceIncrease]:
    if not isinstance(body, dict) or body.get("success") is not True:
        raise TypeError("it is no list of price increases")
    for row in rows(body["pending_price_increases"]):
        before, after = (number(row[f"{age}_gpu_costpersec"]) * 3600.0 for age in ("old", "new"))
        contract = instance_id(str(whole(row["contract_id"])))
        yield PriceIncrease(
            str(whole(row["pending_price_increase_id"])), contract, before, after, number(row["contract_end_date"])
        )
