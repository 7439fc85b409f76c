"""Budget of a run: money spent on machines and committed, checked against `plan/max_cost` before every create.

And the budgets of a day and a month: nothing is started that they do not allow, and the guard of a new machine is given
the time after which it stops it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ert_deploy.core.model.boot.allowance import SPENT, Allowance, seconds
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import BudgetSpent, OverBudget
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


def commit(ranked: Ranked, token: str, now: float, memory: RunMemory, allowed: float = 0.0) -> None:
    """Add a create that is about to be sent; `allowed` are the $ that its guard may spend."""
    cost = ranked.estimate
    advertised = ranked.offer.inet_down
    memory.spending[token] = Rental(
        cost.hourly, cost.download, cost.until_healthy(), now, advertised=advertised, given=allowed
    )


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


def for_guard(hourly: float, run: Run, now: float) -> dict[str, str]:
    """Return the variables of a new machine's guard by the budget; none without one. Raises BudgetSpent.

    Machines of this run count with what their guards were given, those that are gone with what they cost.
    """
    allowance = run.desired.allowance
    if allowance is None:
        return {}
    rentals = run.memory.spending.values()
    used = sum(one.given if one.until is None else min(one.given, _cost(one, now)) for one in rentals)
    free = max(1, run.desired.slots - run.situation.slots_taken)
    allowed = seconds((allowance.free - used) / free, hourly)
    if not allowed:
        raise budget_spent(allowance)
    return {"ERT_BUDGET_SECONDS": str(allowed), "ERT_AT_BUDGET": allowance.at_end}


def refuse_to_wake(token: str, hourly: float, run: Run) -> None:
    """Raise BudgetSpent if the budget does not allow to start this machine at this price."""
    allowance = run.desired.allowance
    if allowance is not None and not allowance.allows(token, hourly):
        raise budget_spent(allowance)


def given(variables: Mapping[str, str], hourly: float) -> float:
    """Return the $ that a guard with these variables may spend."""
    return int(variables.get("ERT_BUDGET_SECONDS", "0")) * hourly / HOUR


def budget_spent(allowance: Allowance) -> BudgetSpent:
    """Return the error of a start that it does not allow."""
    return BudgetSpent(SPENT, allowance.why, allowance.hint)
