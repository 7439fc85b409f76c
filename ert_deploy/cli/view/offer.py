"""Lines and JSON fields about one offer: what it costs, how likely it works, and how long each stage takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ert_deploy.core.launching.interval import Interval
from ert_deploy.core.market.stages import Stages
from ert_deploy.core.planning.offers import Ranked

NAMES = ("rent", "pull", "boot", "download", "load", "smoke", "total")
QUANTILES = (("half within", 0.5), ("95 % within", 0.95))
MINUTE = 60.0
WIDTH = 80


def money(price: float) -> str:
    """Format a price in $ with at most eight characters: three decimals below $1, two below $10,000."""
    return f"${price:.{3 if price < 1 else 2 if price < 10_000 else 0}f}"


def offer_lines(ranked: Ranked, hours: float, between: Interval | None) -> Iterator[str]:
    """Yield lines of at most 80 columns about the offer, its costs, and the minutes of each stage.

    `between` are the $ that most runs stay within, with all machines that they rent.
    """
    offer, cost = ranked.offer, ranked.estimate
    host = f" of host {offer.host_id}" if offer.host_id else ""
    yield f"  offer {offer.id}, {offer.gpu_name}, {offer.geolocation}, machine {offer.machine_id}{host}"[:WIDTH]
    until, whole = money(cost.to_healthy()), money(cost.expected())
    yield f"  costs     ${cost.hourly:.4f}/h, {until} until healthy, {whole} with {hours:g} h"
    if between is not None:
        low, high = money(between.low), money(between.high)
        yield f"  between   {low} and {high} in {of_ten(between)} of 10 such runs, with {hours:g} h"
    yield f"  a month   {money(cost.month())} if rented once a day, {money(cost.always_on())} if always on"
    yield f"  works     {cost.works:.0%} of such rentals; each that fails costs up to {money(cost.until_healthy())}"
    yield "  minutes      " + "".join(f"{name:>9}" for name in NAMES)
    yield from (f"  {name:13}{_minutes(cost.stages.at(part))}" for name, part in QUANTILES)


def of_ten(between: Interval) -> int:
    """Return how many of 10 runs end within the range, at most 9: no range holds every run."""
    return min(9, round(10.0 * between.share))


def _minutes(stages: Stages) -> str:
    return "".join(f"{getattr(stages, name) / MINUTE:9.1f}" for name in NAMES)


def offer_document(ranked: Ranked) -> dict[str, Any]:
    """Return the same for JSON: prices in $, durations in seconds."""
    offer, cost = ranked.offer, ranked.estimate
    return {
        "offer": offer.id,
        "machine": offer.machine_id,
        "host": offer.host_id,
        "gpu": offer.gpu_name,
        "place": offer.geolocation,
        "dph": round(cost.hourly, 6),
        "expected": round(cost.expected(), 4),
        "running": round(cost.running, 4),
        "boot": round(cost.boot, 4),
        "download": round(cost.download, 4),
        "failures": round(cost.failures(), 4),
        "p5": round(cost.within(0.05), 4),
        "p95": round(cost.within(0.95), 4),
        "to_healthy": round(cost.to_healthy(), 4),
        "month": round(cost.month(), 2),
        "always_on": round(cost.always_on(), 2),
        "works": round(cost.works, 3),
        "wait": round(cost.wait(), 1),
        "stages": {
            name: {
                "expected": round(getattr(cost.stages, name), 1),
                "p50": round(getattr(cost.stages.at(0.5), name), 1),
                "p95": round(getattr(cost.stages.at(0.95), name), 1),
            }
            for name in NAMES
        },
    }
