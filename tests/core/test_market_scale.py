"""Ranking at scale: the number of estimates grows with the number of offers and not faster."""

from __future__ import annotations

from collections import Counter

import pytest

from ert_deploy.core.market import cost, learned, odds, stages
from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.state import Launched
from ert_deploy.core.planning.offers import choose
from tests.support.fakes.market import offer
from tests.support.situations import UP

HISTORY = learn(
    Launched(str(1000 + n), str(n % 7), 1.0, healthy=n % 3 > 0, advertised=900.0, rate=100.0 + n) for n in range(64)
)


@pytest.mark.parametrize("count", [100, 1000])
def test_each_offer_is_estimated_once_whatever_was_learned(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[str]()

    def counted(module: object, name: str) -> None:
        original = getattr(module, name)

        def call(*args: object) -> object:
            calls[name] += 1
            return original(*args)

        monkeypatch.setattr(module, name, call)

    counted(cost, "expected_stages")
    counted(cost, "works")
    counted(stages, "usual_rate")
    counted(odds, "prior")
    counted(learned, "_evidence")
    market = [offer(n % 90, id=str(n), machine_id=str(n)) for n in range(count)]
    assert len(choose(market, UP, learned=HISTORY).ranked) == count
    assert calls == {"expected_stages": count, "works": count, "usual_rate": count, "prior": count}
