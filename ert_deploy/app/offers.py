"""`offers`: the offers on the market, the best first. No machine is rented."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.planning.offers import Choice, choose, merged


@dataclass(frozen=True, slots=True)
class Offers:
    """The accepted and rejected offers, and the criteria."""

    choice: Choice
    desired: Desired


def offers(config: Config = None, *, progress: Progress = SILENT) -> Offers:
    """Sort the offers on the market by expected price, and list the rejected ones with reasons. Starts the sandbox.

    Raises UsageError, CannotObserve, and the errors of the state store.
    """
    session = opened(config).session(progress, start_sandbox=True, web=False)
    desired = session.desired
    state = session.ports.store.load()
    denied = state.denied_machines(session.ports.clock.now())
    found = session.ports.gpu.search(desired.criteria, desired.launch)
    looked = session.ports.gpu.search(desired.criteria, desired.launch, wide=True)
    return Offers(choose(merged(found, looked), desired, denied, state.machines()), desired)
