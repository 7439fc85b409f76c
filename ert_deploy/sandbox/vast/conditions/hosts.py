"""Hosts: makes a share of the market slow or arm64, and restores them. Rented machines stay as they are."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from ert_deploy.sandbox.vast.conditions.knobs import Knobs
from ert_deploy.sandbox.vast.market import WORST_DELIVERED, Ask

ARM64, ITS_CPU = "arm64", "Neoverse-V2"


class Hosts:
    """The hosts of a market as they were made. The draws depend on the seed and the machine alone."""

    def __init__(self, asks: Iterable[Ask], seed: int) -> None:
        self._made = {ask.machine_id: ask for ask in asks}
        self._seed = seed

    def apply(self, asks: dict[int, Ask], knobs: Knobs) -> None:
        """Set what each host delivers and its architecture; ids, prices and all else of the offers are kept."""
        for id, ask in asks.items():
            made = self._made.setdefault(ask.machine_id, ask)
            dice = random.Random(f"{self._seed}/hosts/{ask.machine_id}")  # noqa: S311 - a market, not a secret
            slow, arm64 = dice.random() < knobs.slow, dice.random() < knobs.arm64
            now = replace(ask, delivered=made.delivered, flaw=made.flaw, cpu_arch=made.cpu_arch, cpu=made.cpu)
            if slow and not made.flaw:
                now = replace(now, delivered=WORST_DELIVERED, flaw="slow")
            asks[id] = replace(now, cpu_arch=ARM64, cpu=ITS_CPU) if arm64 else now
