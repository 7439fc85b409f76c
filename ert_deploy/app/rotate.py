"""`rotate`: replace the API key between the apps and the backend during operation. No key is ever displayed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ert_deploy.app.attention import doubtful
from ert_deploy.app.deployment import SILENT, Config, Progress, at_work, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.outcome import Outcome, joined, outcome_of
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import printable
from ert_deploy.core.notices.of_run import of_rotation
from ert_deploy.engine.fleet.apply import rotate_fleet
from ert_deploy.engine.run import run

KEYS = "make another key at the server, put it into the variable of external/key, and run `ert-deploy up`"


@dataclass(frozen=True, slots=True)
class Rotation:
    """Result, and the public names of the old and new keys: the first 8 hex digits of their SHA-256.

    With several replicas there is one of each for every replica, separated by commas; `takes` is the key of each.
    """

    outcome: Outcome
    before: str
    after: str
    takes: Mapping[InstanceId, str] = field(default_factory=dict)


def revoke(name: str, config: Config = None, *, progress: Progress = SILENT) -> Rotation:
    """Make a key invalid by its fingerprint, at least 8 hex digits of its SHA-256; the apps get another one.

    Raises as `rotate`, and UsageError if no backend accepts such a key.
    """
    wanted = name.lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", wanted):
        raise UsageError(f"{printable(name, 70)!r} is no fingerprint", hint="`ert-deploy key list` has them")
    deployment = opened(config)
    rented_only(deployment, "key revoke", KEYS)
    session = deployment.session(progress, web=False)
    initial = {one.id: one.key_hashes for one in session.ports.gpu.list_instances()}
    document = session.ports.store.load()
    records = [record for part in (document, *document.replicas) for record in part.records]
    accepted = {digest for one in records for digest in one.keys or initial.get(one.id, ())}
    if not any(digest.startswith(wanted) for digest in accepted):
        raise UsageError(f"no backend of {deployment.name} accepts key {wanted}", hint="`ert-deploy key list`")
    return rotate(deployment, progress=progress, check=False)


def rotate(config: Config = None, *, progress: Progress = SILENT, check: bool = True) -> Rotation:
    """Change the key during operation: no new instance is rented, and no request fails.

    With `check`, NeedsAttention is raised for instances that the user has to assign. Raises UsageError if no backend is
    ready, `Busy`, Failed, NeedsAttention or CannotObserve; `up` completes an interrupted change.
    """
    deployment = opened(config)
    rented_only(deployment, "key rotate", KEYS)
    if not deployment.sandbox_runs():
        raise UsageError(
            f"there is no key to change: the sandbox of {deployment.name} is not running",
            hint="`ert-deploy up` starts it",
        )
    with at_work(deployment, progress) as (session, _):
        desired = replace(session.desired, phase=Phase.RUNNING, begin=False)
        rotated, results = run(rotate_fleet(desired), session.ports)
        done = [one for _, one in sorted(rotated.items())]
        outcomes = {k: outcome_of(one, changed=True, clock=session.ports.clock) for k, one in sorted(results.items())}
        outcome = joined([*outcomes.values()])
    takes = {backend.instance: one.after for k, one in rotated.items() for backend in outcomes[k].backends}
    before, after = ", ".join(one.before for one in done), ", ".join(one.after for one in done)
    announce(deployment, of_rotation(before, after)).wait(progress)
    if check and (left := doubtful(outcome)):
        raise left
    return Rotation(outcome, before, after, takes)
