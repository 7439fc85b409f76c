"""Guard of a machine that serves, as a look has seen it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import HEALTHY, Address
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.changes.differences import guard_of
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Facts


@dataclass(frozen=True, slots=True)
class GuardSeen:
    """Guard of the machine that serves, at `at` by the provider's clock, with its limits in seconds.

    `rented` is the idle limit of its rental, None if not known; `idle` the time without work, None if not read;
    `price` is in $ per hour, NaN if the provider lists none.
    """

    instance: InstanceId
    address: Address
    certificate: str
    boot_secret: Secret = field(repr=False)
    limits: tuple[int, int, int]
    rented: int | None
    idle: float | None
    at: float
    price: float
    history: tuple[Happened, ...] = ()


def guard_seen(facts: Facts) -> GuardSeen | None:
    """Return the guard of a healthy machine that takes other limits; None if there is none."""
    main, situation = facts.main, facts.situation
    if main is None or not isinstance(situation, Situation) or main.instance.halted:
        return None
    health, instance = main.health, main.instance
    if health is None or health.vital is not HEALTHY or health.limits is None:
        return None
    if health.certificate is None or instance.address is None:
        return None
    made, figures = guard_of(instance), facts.figures.get(instance.id)
    return GuardSeen(
        instance.id, instance.address, health.certificate, instance.boot_secret, health.limits,
        made.idle_stop if made is not None else None, _idle(figures) if isinstance(figures, Figures) else None,
        abs(situation.observed.stamp()), instance.dph, situation.observed.state.history,
    )  # fmt: skip


def _idle(figures: Figures) -> float | None:
    return 0.0 if figures.active or figures.waiting else figures.idle
