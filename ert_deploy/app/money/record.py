"""Ledger of a run: what its calls showed is written after the run, once its lock is released.

It is never in the way: no save, stop or destruction waits for it, and an error is one line. The next run makes it good
from the list of instances and the events of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.ledger.observing import Known, stopped_by_itself
from ert_deploy.core.ledger.update import updated
from ert_deploy.core.model.errors import ErtError, StateConflict
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.stopped import TAIL, ran
from ert_deploy.ports import Audience, GpuHost
from ert_deploy.store_ports import LedgerStore

if TYPE_CHECKING:
    from ert_deploy.adapters.metered_host import MeteredHost
    from ert_deploy.wiring import Session

TRIES = 6  # writes until the conflicts with other runs are given up


def record(session: Session, audience: Audience) -> None:
    """Write what the session saw of its machines. Raises nothing: an error is shown."""
    meter = meter_of(session)
    if meter is None or not meter.noted.looks:
        return
    try:
        state = session.ports.store.load()
        written(ledger_store(session), lambda ledger: seen(ledger, state, meter))
    except ErtError as error:
        audience.tell(Trouble("the ledger was not written; the next run makes up for it", error.summary))


def meter_of(session: Session) -> MeteredHost | None:
    """Return the meter of the session's machines; None if it has none."""
    from ert_deploy.adapters.metered_host import MeteredHost

    return session.ports.gpu if isinstance(session.ports.gpu, MeteredHost) else None


def ledger_store(session: Session) -> LedgerStore:
    """Return the store of the ledger of a session."""
    from ert_deploy.stores import ledger_of

    return ledger_of(session.settings, session.ports.clock)


def seen(ledger: Ledger, state: State, meter: MeteredHost) -> Ledger:
    """Return the ledger with all that the meter has noted."""
    noted = meter.noted
    latest = noted.looks[-1]
    more = Known(noted.ended, _ran(meter, stopped_by_itself(ledger, state, latest[1], latest[0])), noted.traffic)
    return updated(ledger, state, noted.looks, more, meter.now())


def written(store: LedgerStore, change: Callable[[Ledger], Ledger]) -> Ledger:
    """Change the ledger, again if another run wrote it at the same time. Raises as the store does."""
    tries = 0
    while True:
        ledger = store.load()
        after = change(ledger)
        if after is ledger:
            return ledger
        try:
            return store.save(after)
        except StateConflict:
            tries += 1
            if tries == TRIES:
                raise


def _ran(host: GpuHost, stopped: tuple[Instance, ...]) -> dict[InstanceId, float]:
    """Return how long these had run, by those logs of their guards that can be read."""
    found: dict[InstanceId, float] = {}
    for one in stopped:
        try:
            seconds = ran(host.logs(one.id, TAIL))
        except ErtError:
            continue
        if seconds is not None:
            found[one.id] = seconds
    return found
