"""Budget of a run: money spent on machines and committed, checked against `plan/max_cost` before every create."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import OverBudget
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.engine.run_context import Rental, Run, RunMemory

HOUR = 3600.0


def spent(memory: RunMemory, now: float) -> float:
    """Return the $ spent by this run, or committed until its machines are ready; includes creates without response."""
    return sum(_cost(rental, now) for rental in memory.spending.values())


def _cost(rental: Rental, now: float) -> float:
    hours = ((now if rental.until is None else rental.until) - rental.since) / HOUR
    paid = rental.download + max(0.0, hours) * rental.hourly
    return paid if rental.until is not None else max(paid, rental.until_healthy)


def commit(ranked: Ranked, token: str, now: float, memory: RunMemory) -> None:
    """Add a create that is about to be sent."""
    cost = ranked.estimate
    advertised = ranked.offer.inet_down
    memory.spending[token] = Rental(cost.hourly, cost.download, cost.until_healthy(), now, advertised=advertised)


def ended(token: str, now: float, memory: RunMemory) -> None:
    """End the `Rental` of a machine that no longer exists."""
    if token in memory.spending:
        memory.spending[token].until = now


def affordable(ranked: Ranked, run: Run, now: float) -> bool:
    """Whether one more candidate stays within the budget of the run until it is ready."""
    if run.desired.max_cost is None:
        return True
    return spent(run.memory, now) + ranked.estimate.until_healthy() <= run.desired.max_cost


def beyond_budget(ranked: Iterable[Ranked], desired: Desired) -> OverBudget | None:
    """Return the error of a first machine, if none of these stays within the budget until it is ready."""
    least = min((one.estimate.until_healthy() for one in ranked), default=0.0)
    if desired.max_cost is None or least <= desired.max_cost:
        return None
    return OverBudget(
        f"plan/max_cost is ${desired.max_cost:g}, and the cheapest machine costs ${least:.2g} until it is healthy",
        hint="raise plan/max_cost; `ert-deploy offers` shows the cost of each offer until it is healthy",
    )


def too_dear(ranked: Ranked, run: Run, now: float) -> OverBudget:
    """Return the error with the calculated costs."""
    paid, more = spent(run.memory, now), ranked.estimate.until_healthy()
    machines = "1 machine" if len(run.memory.spending) == 1 else f"{len(run.memory.spending)} machines"
    return OverBudget(
        f"one more machine would bring this run to ${paid + more:.2f}, plan/max_cost is ${run.desired.max_cost:g}",
        f"${paid:.2f} spent and committed for {machines} of this run, ${more:.2f} for the next until it is healthy",
        "raise plan/max_cost; `ert-deploy offers` shows the cost of each offer until it is healthy (boot + download)",
    )
