"""Keys that a backend rejects although the state has them: after a run, the apps get another one.

The last successful change determines the keys of a machine. An operator without the same state may have made it
unnoticed, and then every request of the apps would fail while each variable is as it should be.
"""

from __future__ import annotations

from ert_deploy.core.model.desired import RUNNING, Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Trouble
from ert_deploy.engine.apply import Result
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.fleet.apply import apply_fleet
from ert_deploy.engine.fleet.failures import failure
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Audience, BackendProbe

WHAT = "the backend rejects the key that the apps have, which another operator may have changed"


def with_accepted_keys(
    desired: Desired, results: dict[int, Result], memories: dict[int, RunMemory]
) -> Effects[dict[int, Result]]:
    """Ask each backend once whether it takes its key, and change it where it does not; return the newest results.

    `memories` are those of the run with these results. Raises what `apply_fleet` raises. A backend that does not answer
    is not changed.
    """
    rejecting = set[int]()
    for number, result in results.items() if desired.phase is RUNNING and desired.publishes else ():
        if (yield from _is_refused(result)):
            rejecting.add(number)
            yield from ask(Audience.tell, Trouble(WHAT, "it gets another one"))
    if not rejecting:
        return results
    only = frozenset(rejecting) if desired.replicas > 1 else frozenset[int]()
    again, lost = dict[int, Result](), None
    try:
        again = yield from apply_fleet(desired, {number: memories[number].for_new_key() for number in rejecting}, only)
    except ErtError as error:
        lost = error
    if lost is not None:
        raise failure(dict.fromkeys(rejecting, lost), results)
    return results | again


def _is_refused(result: Result) -> Effects[bool]:
    """Whether the backend in use answers, and rejects the key."""
    situation, current = result.situation, result.situation.classified.current
    if current is None or current.health is None or current.health.certificate is None:
        return False
    key, address = situation.current_key(current.instance), current.instance.address
    if key is None or address is None:
        return False
    try:
        return not (yield from ask(BackendProbe.accepts, address, current.health.certificate, key))
    except ErtError:
        return False
