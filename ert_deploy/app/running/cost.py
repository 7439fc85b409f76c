"""`cost`: what the deployment has cost, by its ledger and the charges of its provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.money.record import ledger_store, meter_of, seen, written
from ert_deploy.core.ledger.budget import Left, left, warnings
from ert_deploy.core.ledger.model import DAY, Ledger
from ert_deploy.core.ledger.months import date_of, first_day, month_of
from ert_deploy.core.ledger.policy import Budget
from ert_deploy.core.ledger.statement import charges
from ert_deploy.core.ledger.summary import Summary, summary
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.wiring import Session

__all__ = ["Budget", "Costs", "Left", "Summary", "cost", "date_of"]

NOT_READ = "the charges of the provider were not read, all costs are estimates"
NO_RIGHT = "its key may not read the charges (billing_read), all costs are estimates until it may"


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of a deployment at the time `now`, and what is left of its `budget`.

    `reports` is the number of reports of this month, None if it is not known. `notes` are what the figures lack.
    """

    deployment: str
    where: str
    now: float
    summary: Summary
    budget: Budget
    left: Left
    reports: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def per_report(self) -> float | None:
        """The $ of this month for each of its reports; None if their number is not known, or none was made."""
        return self.summary.month.total / self.reports if self.reports else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each budget of which a large part is spent."""
        return warnings(self.left, self.budget)


def cost(config: Config = None, *, reports: int | None = None, progress: Progress = SILENT) -> Costs:
    """Return the costs, after the ledger was completed by the list of instances and the charges.

    `reports` is how many reports this month had, if the caller knows. Without the provider or the state they are
    those that the last run knew. Raises UsageError, and as the store of the ledger does.
    """
    deployment = opened(config)
    if deployment.settings.desired.external is not None or not deployment.sandbox_runs():
        raise UsageError(
            f"nothing is rented for {deployment.name}, so that it has no ledger",
            hint="`ert-deploy up` rents a machine" if deployment.settings.sandbox is not None else "",
        )
    session = deployment.session(progress, web=False)
    store = ledger_store(session)
    notes: list[str] = []
    ledger = store.load()
    for read in (_instances, _charges):
        try:
            change = read(session, notes)
            ledger = change(ledger)
            ledger = written(store, change)
        except ErtError as error:
            notes.append(f"{NOT_READ if read is _charges else 'the ledger is that of the last run'}: {error.summary}")
    now = session.ports.gpu.date() or session.ports.clock.now()
    budget = session.settings.budget
    desired = deployment.settings.desired
    made = summary(ledger, now, desired.replicas, desired.awake)
    return Costs(deployment.name, store.where, now, made, budget, left(ledger, budget, now), reports, tuple(notes))


def _instances(session: Session, _: list[str]) -> Callable[[Ledger], Ledger]:
    """Return the change by what is listed now. Raises CannotObserve, UsageError."""
    meter = meter_of(session)
    if meter is None:
        return lambda ledger: ledger
    meter.list_instances()
    state = session.ports.store.load()
    return lambda ledger: seen(ledger, state, meter)


def _charges(session: Session, notes: list[str]) -> Callable[[Ledger], Ledger]:
    """Return the change by the provider's charges since the last month began. Raises CannotObserve."""
    meter = meter_of(session)
    if meter is None:
        return lambda ledger: ledger
    now = meter.now()
    items = meter.charges(first_day(month_of(int(now // DAY)) - 1) * DAY, now)
    if items is None:
        notes.append(NO_RIGHT)
    return lambda ledger: ledger.charging(charges(items or (), now))
