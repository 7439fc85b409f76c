"""Tenancy: other users on GPUs, among them those who take the GPU of a stopped instance.

A GPU goes back and forth between free and taken: after a stop of t seconds it is taken with probability
`taken * (1 - exp(-t / taken_after))`, so the longer an instance sleeps, the less likely it wakes on its machine. The
draws depend on seed, instance and number of stops alone, not on how often the state is computed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from ert_deploy.sandbox.vast.conditions.knobs import Knobs
from ert_deploy.sandbox.vast.contract import Contract


@dataclass(frozen=True, slots=True)
class Tenant:
    """Another user on a GPU until a `WorldClock` time; `price` in $/h is a bid, or None for on-demand.

    `kind` is the kind of fault that the user belongs to, empty for one that was there at the start.
    """

    until: float | None = None
    price: float | None = None
    aftermath: str | None = None
    kind: str = ""

    def keeps_out(self, bid: float | None) -> bool:
        """Whether an instance with this bid (None: on-demand) cannot get the GPU."""
        return self.price is None or (bid is not None and bid < self.price)


class Takers:
    """The users who take the GPUs of stopped instances."""

    def __init__(self, knobs: Knobs, seed: int) -> None:
        self._knobs, self._seed = knobs, seed
        self._stops: dict[int, int] = {}
        self._plans: dict[int, tuple[float, float]] = {}

    def tick(self, contracts: Iterable[Contract], tenants: dict[int, Tenant], now: float) -> None:
        """Let users take GPUs whose time has come by `now`; `tenants` is by the id of the offer."""
        if not self._knobs.taken:
            return
        for contract in contracts:
            if contract.uses_gpu:
                self._plans.pop(contract.id, None)
                continue
            start, end = self._plan(contract, now)
            if end <= now:
                self._plans[contract.id] = self._next(contract, end)
            elif start <= now and contract.ask.id not in tenants:
                tenants[contract.ask.id] = Tenant(until=end)

    def _plan(self, contract: Contract, now: float) -> tuple[float, float]:
        if contract.id not in self._plans:
            self._plans[contract.id] = self._next(contract, now)
        return self._plans[contract.id]

    def _next(self, contract: Contract, since: float) -> tuple[float, float]:
        """Return from when to when the GPU is taken next, after the time `since`."""
        number = self._stops[contract.id] = self._stops.get(contract.id, 0) + 1
        dice = random.Random(f"{self._seed}/taken/{contract.id}/{number}")  # noqa: S311 - a market, not a secret
        rate = 1.0 / self._knobs.taken_after
        start = since + dice.expovariate(rate * self._knobs.taken)
        return start, start + dice.expovariate(rate * (1.0 - self._knobs.taken))
