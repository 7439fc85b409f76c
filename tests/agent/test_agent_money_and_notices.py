"""What the agent says of a budget that does not allow a start, and that its looks send notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.agent import keeper
from ert_deploy.agent.answer import failed
from ert_deploy.app.notify.announce import Delivery
from ert_deploy.core.model.errors import BudgetSpent, CannotObserve, NeedsAttention
from ert_deploy.core.notices.increase import PriceIncrease
from ert_deploy.core.notices.notice import Findings, Kind
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import _Turns, shared
from tests.support.fakes.sleep import awake


def test_a_budget_that_is_used_up_has_a_reason_of_its_own() -> None:
    response = failed(BudgetSpent("the budget does not allow to start a GPU now", "$0.00 of $2.00 is left"), 30)
    assert (response.status, response.reason) == (409, "budget")
    assert "$0.00 of $2.00 is left" in response.error
    assert failed(NeedsAttention("an instance is to be decided about"), 30).reason == "needs_attention"


def test_each_look_passes_its_findings_to_the_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Findings] = []

    def announce(_deployment: object, findings: Findings) -> Delivery:
        told.append(findings)
        return Delivery()

    monkeypatch.setattr(keeper, "announce", announce)
    with agent(shared(awake())):
        eventually(lambda: told)
    assert f"{Kind.OUTBID}/" in told[0].over


def test_a_contract_that_ends_and_a_host_that_offers_another_are_said_and_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Findings] = []

    def announce(_deployment: object, findings: Findings) -> Delivery:
        told.append(findings)
        return Delivery()

    world = awake()
    (number,) = world.gpu.instances
    ends = world.clock.now() + 3600.0
    world.gpu.instances[number].override = lambda shown: replace(shown, ends=ends, agreed=0.1, dph=0.2)
    asked = PriceIncrease("4", number, 0.2, 0.26, ends)
    monkeypatch.setattr(keeper, "announce", announce)
    monkeypatch.setattr(_Turns, "price_increases", lambda _: (asked,), raising=False)
    with agent(shared(world)) as made:
        eventually(lambda: told)
        body = made.backend()
        text = made.call("GET", "/metrics").text
    kinds = [notice.kind for notice in told[0].notices]
    assert kinds.count(Kind.CONTRACT_END) == 1
    assert kinds.count(Kind.PRICE) == 2
    assert (body["contract_ends"], body["agreed_price_per_hour_usd"]) == (ends, 0.1)
    assert 'ert_agent_agreed_price_usd_per_hour{deployment="ert"} 0.1' in text
    assert 'ert_agent_contract_end_timestamp_seconds{deployment="ert"}' in text


def test_an_offer_that_cannot_be_read_ends_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise CannotObserve("no answer")

    world = awake()
    monkeypatch.setattr(_Turns, "price_increases", away, raising=False)
    with agent(shared(world)) as made:
        eventually(lambda: made.keepers[0].view.look)
        assert made.backend()["phase"] == "ready"
