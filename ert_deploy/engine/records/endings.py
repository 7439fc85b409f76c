"""How rentals end: what is learned from each for the next choice, and which machines and hosts are denied for it."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.observed import IMPOSTOR, UNREACHABLE, Health, Instance
from ert_deploy.core.model.stamps import MOST_DENIED
from ert_deploy.core.model.state import Denied, Launched, State
from ert_deploy.engine.run_context import Rental, Run

BITS = 8e-6  # Mbit in a byte
LEAST_MEASURED = 10**8  # bytes of a download from which on its rate means something
MACHINES_OF_A_HOST = 2  # failed machines, after which the host of both is denied


def measure(rental: Rental | None, since: tuple[float, int] | None, health: Health | None, now: float) -> None:
    """Note when the container was reached, and the rate of the download `since` its first report (time, bytes)."""
    if rental is None or health is None or health.vital in (UNREACHABLE, IMPOSTOR):
        return
    rental.started = rental.started or max(0.0, now - rental.since)
    if since is not None and now > since[0] and health.completed - since[1] >= LEAST_MEASURED:
        rental.rate = (health.completed - since[1]) * BITS / (now - since[0])


def succeeded(state: State, instance: Instance, run: Run) -> State:
    """Add to the state that this instance became healthy."""
    return state.launched(_ending(instance, run, healthy=True))


def failed(state: State, step: steps.Retire, run: Run) -> State:
    """Add a failure to the state, and deny its machine; the host as well if several of its machines failed.

    A denial lasts `timings/deny` after one failure, and twice as long after each further one in a row.
    """
    instance = next(i for i in run.observed.instances if i.id == step.instance_id)
    state = state.launched(_ending(instance, run, healthy=False))
    now, number = abs(run.observed.stamp()), len(list(_in_a_row(state, machine=instance.machine_id)))
    evidence = f"{number} failures in a row" if number > 1 else "its first failure"
    until = now + _seconds(run, number)
    host = instance.host_id if instance.machine_id else ""
    state = state.deny(Denied(instance.machine_id, until, step.reason, host, evidence), now)
    bad = sorted({one.machine_id for one in _in_a_row(state, host=host)}) if host else []
    if len(bad) < MACHINES_OF_A_HOST:
        return state
    until = now + _seconds(run, len(bad) - MACHINES_OF_A_HOST + 1)
    return state.deny(Denied("", until, step.reason, host, f"failed on machines {', '.join(bad)}"), now)


def _seconds(run: Run, number: int) -> float:
    return min(run.desired.timings.deny * 2.0 ** (number - 1), MOST_DENIED)


def _in_a_row(state: State, *, machine: str = "", host: str = "") -> Iterator[Launched]:
    """Yield the failures of a machine or host since it last became healthy, newest first."""
    for one in reversed(state.launches):
        if one.host_id == host if host else one.machine_id == machine:
            if one.healthy:
                return
            yield one


def _ending(instance: Instance, run: Run, *, healthy: bool) -> Launched:
    token = instance.mark.token if instance.mark is not None else ""
    rental = run.memory.spending.get(token) or Rental(0.0, 0.0, 0.0, 0.0)
    return Launched(
        instance.machine_id,
        instance.host_id,
        run.observed.stamp(),
        healthy,
        rental.advertised,
        rental.rate,
        rental.started,
        run.desired.launch.image_gb,
    )
