"""The ledger against the sandbox's meter: close before the charges, equal to them to the cent afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.metered_host import MeteredHost
from ert_deploy.core.ledger.days import days
from ert_deploy.core.ledger.model import DAY, Ledger
from ert_deploy.core.ledger.observing import Known
from ert_deploy.core.ledger.statement import Item, charges
from ert_deploy.core.ledger.update import updated
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.providers.vast.charges import _items
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.server import VastDouble
from tests.support.contract.gpu_hosts import CRITERIA, LAUNCH, order
from tests.support.vast.world import KEY, PACE, PROGRAM, Renter, python, until

SPEED = 50.0
JUMPED = [0.0]
NOWHERE = "http://127.0.0.1:9"


ITEM = {"type": "gpu", "start": 1, "end": 2, "amount": 1.0}


class Jumping(WorldClock):
    """A clock that can also be moved on at once, so that a day of use takes no time."""

    def now(self) -> float:
        return super().now() + JUMPED[0]

    def steady(self) -> float:
        return super().steady() + JUMPED[0]


@pytest.fixture
def renter(tmp_path: Path) -> Iterator[Renter]:
    JUMPED[0] = 0.0
    with tempfile.TemporaryDirectory() as folder:
        double = VastDouble(
            Jumping(SPEED), Path(folder), KEY, images=tmp_path, command=python(PROGRAM),
            options=Options(pace=PACE, rate_limits=False),
        )  # fmt: skip
        try:
            yield Renter(double.start())
        finally:
            double.stop()


def cents(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(replace(one, amount=round(one.amount, 2)) for one in items)


def total(ledger: Ledger, now: float) -> float:
    return sum(one.total for one in days(ledger, now).values())


def bill(renter: Renter) -> float:
    return float(renter.double.bill().total)


def test_a_life_costs_what_the_meter_says_and_then_what_was_charged(renter: Renter) -> None:
    clock = Jumping(SPEED)
    host = MeteredHost(VastHost(Secret(KEY), renter.double.url, clock), clock)

    def only() -> Instance | None:
        return next(iter(host.list_instances()), None)

    def seen(ledger: Ledger) -> Ledger:
        noted = host.noted
        return updated(ledger, State("ert"), noted.looks, Known(noted.ended, traffic=noted.traffic), host.now())

    offer = min(host.search(CRITERIA, LAUNCH), key=lambda one: one.dph_total)
    number = host.create(order(offer))
    until(lambda: (one := only()) is not None and one.power.value == "running")
    JUMPED[0] += 20 * 3600.0
    ledger = seen(Ledger("ert"))
    assert total(ledger, host.now()) == pytest.approx(bill(renter), rel=0.01)
    early = host.charges(host.now() - 7 * DAY, host.now())
    assert early
    ledger = ledger.charging(charges(early, host.now()))
    host.stop(number)
    until(lambda: (one := only()) is not None and one.stopped)
    JUMPED[0] += 30 * 3600.0
    ledger = seen(ledger)
    assert total(seen(Ledger("ert")), host.now()) == pytest.approx(bill(renter), rel=0.01)
    assert total(ledger, host.now()) == pytest.approx(bill(renter), rel=0.01)
    host.destroy(number)
    until(lambda: only() is None)
    ledger = seen(ledger)
    whole = bill(renter)
    assert total(seen(Ledger("ert")), host.now()) == pytest.approx(whole, rel=0.01)
    JUMPED[0] += 3600.0
    asof = host.now()
    late = host.charges(asof - 7 * DAY, asof)
    assert late
    for items in (early, late, (*late, *late), late):
        ledger = ledger.charging(charges(items, asof))
    assert round(total(ledger, asof), 2) == round(whole, 2)
    rounded = ledger.charging(charges((*cents(late), *cents(late)), asof + 1.0))
    assert round(total(rounded, asof), 2) == round(sum(one.amount for one in cents(late)), 2)
    assert total(rounded, asof) == pytest.approx(sum(one.charged for one in days(rounded, asof).values()))
    assert seen(ledger) == ledger


def test_without_the_right_there_are_no_charges(renter: Renter) -> None:
    made: Any = renter.sdk.create_api_key(name="narrow", permissions={"api": {"misc": {}, "instance_read": {}}})
    host = VastHost(Secret(made["key"]), renter.double.url, Jumping(SPEED))
    assert host.charges(0.0, host.date() or 1e9) is None


@pytest.mark.parametrize(
    "page",
    [
        [], {"success": False, "results": []}, {"success": True}, {"success": True, "results": [7]},
        {"success": True, "results": [{"source": "instance-1", "items": [{"type": "gpu", "start": 1, "end": 2}]}]},
        {"success": True, "results": [{"source": "instance-1", "items": [{**ITEM, "amount": "1"}]}]},
        {"success": True, "results": [{"source": "instance-/", "items": []}]},
    ],
)  # fmt: skip
def test_a_page_that_is_none_is_an_error_and_never_an_empty_one(page: object) -> None:
    host = VastHost(Secret(KEY), NOWHERE, Jumping(SPEED))

    class Answer:
        status_code = 200

        def raise_for_status(self) -> None:
            pass

        def json(self) -> object:
            return page

    host._session.sdk.client.get = lambda *_, **__: Answer()
    with pytest.raises(CannotObserve):
        host.charges(0.0, 1.0)


def test_volumes_and_kinds_of_cost_that_are_not_known_are_left_out() -> None:
    item = {"type": "gpu", "start": 5, "end": 2, "amount": 1.5}
    rows = [
        {"source": "volume-3", "items": [item]}, {"source": None, "items": [item]},
        {"source": "instance-7", "items": [item, {**item, "type": "tax"}, {**item, "type": "bwu"}]},
    ]  # fmt: skip
    found = list(_items({"success": True, "results": rows}))
    assert [(one.instance, one.kind, one.begin, one.end) for one in found] == [
        ("7", "gpu", 5, 5),
        ("7", "traffic", 5, 5),
    ]


def test_a_list_of_charges_is_read_page_by_page_and_ends() -> None:
    host = VastHost(Secret(KEY), NOWHERE, Jumping(SPEED))
    tokens = ("more", "more", None)
    pages: Iterator[object] = iter([{"success": True, "results": [], "next_token": token} for token in tokens])
    asked: list[Any] = []

    class Answer:
        status_code = 200

        def __init__(self, body: object) -> None:
            self.body = body

        def raise_for_status(self) -> None:
            pass

        def json(self) -> object:
            return self.body

    def get(_: str, query_args: dict[str, Any]) -> Answer:
        asked.append(query_args.get("after_token"))
        return Answer(next(pages))

    host._session.sdk.client.get = get
    assert host.charges(0.0, 1.0) == ()
    assert asked == [None, "more", "more"]
    host._session.sdk.client.get = lambda *_, **__: Answer({"success": True, "results": [], "next_token": "again"})
    with pytest.raises(CannotObserve, match="did not end"):
        host.charges(0.0, 1.0)
