"""Plan of `up` for an external server: the apps are moved to it and proven, then every instance is removed."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.departure.leave import leave
from ert_deploy.core.planning.records import lingering, reconcile_records, taken, unsettled
from ert_deploy.core.planning.rollout import publish
from ert_deploy.core.planning.situation import Situation


def to_external(situation: Situation, server: External) -> Iterator[Step]:
    """Yield the steps until every app runs with the server, and no instance exists any more.

    The server is none of ours: neither keys nor limits are set there. Whether it can be used was checked before.
    """
    yield from reconcile_records(situation)
    assert server.key is not None, "a run does not begin without it"
    yield from publish(situation, server.url, server.key, server.certificate, server.model)
    yield from leave(situation, situation.candidates, "the apps use an external server")
    yield from taken(situation)
    yield from unsettled(situation)
    yield from lingering(situation)
