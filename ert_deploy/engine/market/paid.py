"""What a machine that did not become the backend has cost: an upper limit, as the provider's own statement is late.

Rules (Vast docs, pricing): the disk costs from the create call until the deletion, the GPU from `running`, traffic per
byte. Between two observations the dearer state is assumed, and of a download that nobody reports the advertised rate.
"""

from __future__ import annotations

import math

from ert_deploy.core.launching.progress import stage_of
from ert_deploy.core.model.boot.watch import RENT
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Health, Instance, Offer, Power
from ert_deploy.engine.run_context import Rental, RunMemory

HOUR = 3600.0
STARTING = Power.STARTING  # a name, as a lookup in an enum takes longer than a call on Python 3.11
MBIT = 8000.0  # in a GB
GIGA = 10**9


def meter(instance: Instance, health: Health | None, now: float, memory: RunMemory) -> None:
    """Note the prices of a machine of this run, since when its GPU may be billed, and the bytes of its download."""
    rental = memory.spending.get(instance.mark.token) if memory.spending and instance.mark is not None else None
    if rental is None:
        return
    rental.hourly = instance.dph if math.isfinite(instance.dph) else rental.hourly
    rental.disk = instance.disk_dph if math.isfinite(instance.disk_dph) else rental.disk
    rental.pulled = rental.pulled or stage_of(instance, health) > RENT
    if instance.power is STARTING and not rental.ran:
        rental.quiet = now
    else:
        rental.ran = True
    rental.arrived = max(rental.arrived, health.completed if health is not None else 0)


def paid(token: str, launch: Launch, now: float, memory: RunMemory) -> float | None:
    """Return the most in $ that a machine of this run has cost until now; None for one that it did not rent."""
    rental, offer = memory.spending.get(token), memory.rented.get(token)
    if rental is None or offer is None:
        return None
    stored = rental.disk * (now - rental.since) / HOUR
    used = now - max(rental.quiet, rental.since) if rental.ran else 0.0
    return stored + max(0.0, rental.hourly - rental.disk) * used / HOUR + _traffic(rental, offer, launch, now, used)


def _traffic(rental: Rental, offer: Offer, launch: Launch, now: float, used: float) -> float:
    image = min(launch.image_gb, (now - rental.since) * offer.inet_down / MBIT) if rental.pulled else 0.0
    silent = min(launch.model_gb, used * offer.inet_down / MBIT)
    return (image + (rental.arrived / GIGA or silent)) * offer.inet_down_cost
