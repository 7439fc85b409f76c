"""Following: an app that takes up a new address by itself, as the dashboard does with an agent, needs no deploy."""

from __future__ import annotations

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.events import Proven, Waiting
from ert_deploy.core.model.machine.derived_keys import generation_of
from ert_deploy.core.model.observed import DeployKind, Publication
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import Rollout
from ert_deploy.core.planning.polling import DEPLOY, after
from ert_deploy.core.planning.rollout import wanted_values
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import AppProbe, Audience, Clock, StateStore, TimeSource, WebHost


def has_followed(target: Target, publication: Publication, run: Run) -> Effects[bool]:
    """Wait until the running app shows the written configuration, `Target.follows` at most, and store that proof.

    False without waiting where it gets another key that it cannot derive, so that only its environment can have it, and
    where a deploy is under way, which may apply other values.
    """
    wanted = wanted_values(run.situation, target)
    before = run.memory.before.get(target.service, publication.env)
    another = before.get(target.names.key) != wanted.get(target.names.key)
    if not target.follows or (another and not _derives(run, wanted.get(target.names.key))):
        return False
    mark, began = wanted[target.names.fingerprint].reveal(), (yield from ask(TimeSource.moment)).steady
    while True:
        waited = (yield from ask(TimeSource.moment)).steady - began
        newest = yield from ask(WebHost.newest_deploy, publication.service_id)
        if newest is not None and newest.kind is DeployKind.IN_FLIGHT:
            return False  # the fingerprint would be that of an old process with these values
        if (yield from ask(AppProbe.fingerprint, publication.app_url, target)) == mark:
            break
        if waited >= target.follows:
            return False
        wait = min(after(waited, run.desired.timings, DEPLOY), target.follows - waited)
        yield from ask(Audience.tell, Waiting(f"{publication.name} to follow by itself", wait))
        yield from ask(Clock.sleep, wait)
    now = (yield from ask(TimeSource.moment)).stamp()
    proven = Rollout(publication.service_id, mark, "", now, proven=now)
    yield from ask(StateStore.save, run.observed.state.put_rollout(proven))
    run.memory.before[target.service] = publication.env
    yield from ask(Audience.tell, Proven(publication.name, publication.app_url, mark))
    return True


def _derives(run: Run, key: Secret | None) -> bool:
    current = run.situation.classified.current
    return current is not None and generation_of(run.desired, current.instance, key) is not None
