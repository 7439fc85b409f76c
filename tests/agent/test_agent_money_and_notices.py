"""What the agent says of a budget that does not allow a start, and that its looks send notices."""

from __future__ import annotations

import pytest

from ert_deploy.agent import keeper
from ert_deploy.agent.answer import failed
from ert_deploy.app.notify.announce import Delivery
from ert_deploy.core.model.errors import BudgetSpent, NeedsAttention
from ert_deploy.core.notices.notice import Findings, Kind
from tests.support.agent.served import agent, eventually
from tests.support.agent.shared import shared
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
