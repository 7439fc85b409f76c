"""Churn: offers that get another id as time passes, while machine and price stay. Deny lists must use the machine."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import replace

from ert_deploy.sandbox.vast.conditions.knobs import WINDOW, Knobs
from ert_deploy.sandbox.vast.conditions.tenancy import Tenant
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.market import Ask


class Churn:
    """Renumbers offers at times drawn from the seed and the machine, so that the same world has the same market."""

    def __init__(self, knobs: Knobs, seed: int, now: float) -> None:
        self._rate = -math.log(1.0 - knobs.renumbered) / WINDOW
        self._seed, self._begun = seed, now
        self._dice: dict[int, random.Random] = {}
        self._due: dict[int, float] = {}

    def tick(self, asks: dict[int, Ask], tenants: dict[int, Tenant], contracts: Iterable[Contract], now: float) -> None:
        """Give each offer whose time has come by `now` its new id, in the market and in the contracts on it."""
        if not self._rate:
            return
        for ask in [ask for ask in asks.values() if self._is_due(ask, now)]:
            new = max(asks) + self._dice[ask.machine_id].randrange(1, 2000)
            asks[new] = replace(asks.pop(ask.id), id=new)
            if ask.id in tenants:
                tenants[new] = tenants.pop(ask.id)
            for contract in contracts:
                if contract.ask.id == ask.id:
                    contract.ask = replace(contract.ask, id=new)

    def _is_due(self, ask: Ask, now: float) -> bool:
        key = ask.machine_id
        if key not in self._dice:
            self._dice[key] = random.Random(f"{self._seed}/churn/{key}")  # noqa: S311 - a market, not a secret
            self._due[key] = self._begun + self._dice[key].expovariate(self._rate)
        due = self._due[key] <= now
        while self._due[key] <= now:
            self._due[key] += self._dice[key].expovariate(self._rate)
        return due
