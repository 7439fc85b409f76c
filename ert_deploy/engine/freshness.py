"""Freshness: what was read too long ago is read again before a run acts on it, as another run may have acted since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Publication
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.observe import own_time
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import Audience, TimeSource, WebHost


def is_recent(what: str, read: float, run: Run) -> Effects[bool]:
    """Whether at most `timings/call_within` has passed since that time of the run, suspended or not."""
    late = own_time((yield from ask(TimeSource.moment)), run.memory) - read
    if late <= run.desired.timings.call_within:
        return True
    yield from ask(Audience.tell, Trouble(what, f"read {late:.0f} s ago, and read again before anything is done"))
    return False


def write_variables(
    names: Iterable[str], values: Mapping[str, Secret], publication: Publication, run: Run, read: float
) -> Effects[bool]:
    """Set each of these variables of an app, or delete one that has no value; False if `read` was too long ago.

    Another run may have written others since, and removed the key that this one has from the backend.
    """
    for name in names:
        if not (yield from is_recent(f"the variables of {publication.name}", read, run)):
            return False
        if name in values:
            yield from ask(WebHost.put_env, publication.service_id, name, values[name])
        else:
            yield from ask(WebHost.delete_env, publication.service_id, name)
    return True
