"""Budget of a run: what it may start, and the new allowance of the machine that serves at its end.

What is left is known from the ledger alone. Where that cannot be read, a run with a budget starts nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ert_deploy.app.money.record import ledger_store, meter_of, seen, written
from ert_deploy.core.ledger.budget import Left, given, left, share, warnings
from ert_deploy.core.ledger.model import GRANTED, HOUR, Ledger, Transition
from ert_deploy.core.ledger.policy import AtBudget, Budget
from ert_deploy.core.model.boot.allowance import Allowance
from ert_deploy.core.model.errors import CannotObserve, ErtError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.planning.situation import Situation
from ert_deploy.ports import Audience
from ert_deploy.store_ports import BudgetKeeper

if TYPE_CHECKING:
    from ert_deploy.wiring import Session

DIFFERENT = 0.05  # of a new allowance: for less, a guard keeps its old one
STOPPED = "the GPU stops at its end, and the disk bills on"
NEVER_ENDS = 10**9  # s: there is no budget any more


def allowance(session: Session) -> tuple[Allowance | None, tuple[str, ...]]:
    """Return what a run may spend on each replica, None without a budget, and warnings.

    Raises CannotObserve without the ledger.
    """
    budget = session.settings.budget
    if not budget.limited:
        return None, ()
    try:
        ledger = current(session)
    except ErtError as error:
        raise CannotObserve(
            "what is left of the budget is not known, so that nothing is started",
            error.summary,
            error.hint or "set policy/budget_per_day and policy/budget_per_month to null to start without one",
        ) from error
    now = _now(session)
    found, of_machines = left(ledger, budget, now), {token: given(ledger, token, now) for token in ledger.machines()}
    hint = "`ert-deploy cost` has what was spent; wait until then, or raise the budget"
    free, least = found.free() / session.desired.replicas, found.least or 0.0
    spendable = Allowance(free, least, said(found, budget), hint, budget.at_end.value, of_machines)
    return spendable, warnings(found, budget)


def shown(session: Session) -> tuple[str, ...]:
    """Return sentences about the budget for people; none without one. Raises nothing."""
    budget = session.settings.budget
    if not budget.limited:
        return ()
    try:
        found = left(current(session), budget, _now(session))
    except ErtError as error:
        return (f"what is left is not known: {error.summary}",)
    ends = "the machine is destroyed at its end" if budget.at_end is AtBudget.DESTROY else STOPPED
    return (f"{said(found, budget)}; {ends}", *warnings(found, budget))


def said(found: Left, budget: Budget) -> str:
    """Return what is left of each budget, and until when."""
    parts = []
    if found.day is not None and budget.per_day is not None:
        parts.append(f"${found.day:.2f} of ${budget.per_day:.2f} is left until midnight UTC")
    if found.month is not None and budget.per_month is not None:
        parts.append(f"${found.month:.2f} of ${budget.per_month:.2f} until the month ends")
    if found.given >= 0.005:
        parts.append(f"${found.given:.2f} of that is given to a machine already")
    return ", ".join(parts)


def current(session: Session) -> Ledger:
    """Return the ledger with what is listed now, without writing it. Raises as the stores and the provider do."""
    ledger, meter = ledger_store(session).load(), meter_of(session)
    if meter is None:
        return ledger
    meter.list_instances()
    return seen(ledger, session.ports.store.load(), meter)


def renew(session: Session, situation: Situation, audience: Audience) -> None:
    """Give the machine that serves what it may spend from now on, if that differs. An error is one line.

    More is written into the ledger before the guard gets it, less afterwards: it never has more than the ledger says.
    """
    keeper = session.ports.backend
    serving = situation.classified.current
    if serving is None or serving.instance.halted or not isinstance(keeper, BudgetKeeper):
        return
    try:
        _renew(session, situation, serving.instance, keeper)
    except ErtError as error:
        audience.tell(Trouble("the budget of the machine stays as it was", error.summary))


def _renew(session: Session, situation: Situation, instance: Instance, keeper: BudgetKeeper) -> None:
    budget, health = session.settings.budget, situation.observed.health.get(instance.id)
    mark, address = instance.mark, instance.address
    if mark is None or address is None or health is None or health.certificate is None or not instance.dph > 0:
        return
    ledger, now = current(session), _now(session)
    known = ledger.machines().get(mark.token, ())
    before = given(ledger, mark.token, now) if known else 0.0
    had_one = any(one.what == GRANTED for one in known)
    if budget.limited:
        free = left(ledger, budget, now).free(before)
        amount = share(free, session.desired.slots, situation.slots_taken - 1) / session.desired.replicas
        seconds = int(amount / instance.dph * HOUR)
    elif had_one and before < NEVER_ENDS * instance.dph / HOUR / 2:
        amount, seconds = NEVER_ENDS * instance.dph / HOUR, NEVER_ENDS
    else:
        return
    if abs(amount - before) <= DIFFERENT * max(amount, before):
        return
    one = Transition(mark.token, instance.id, GRANTED, now, amount=amount)
    store = ledger_store(session)
    if amount > before:
        written(store, lambda old: old.adding([one]))
    keeper.set_budget(address, health.certificate, instance.boot_secret, seconds, int(now))
    with suppress(ErtError):  # with less than before, the ledger may say more than the guard has
        written(store, lambda old: old.adding([one]))


def _now(session: Session) -> float:
    return session.ports.gpu.date() or session.ports.clock.now()
