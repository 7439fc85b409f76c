"""`plan`: the steps that a run would execute. Read-only."""

from __future__ import annotations

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.preview import Plan, aimed, previews
from ert_deploy.core.model.desired import Phase


def plan(
    config: Config = None,
    phase: Phase = Phase.RUNNING,
    *,
    begin: bool = True,
    now: bool = False,
    start_sandbox: bool = False,
    progress: Progress = SILENT,
) -> Plan:
    """Return the steps of `up`, or with another `phase` those of `sleep` or `down`.

    Without `begin` those of `wake`; `now` as for `sleep` and `down`. The sandbox is started only on request. A config
    whose image is not named yet is accepted, and said to be one. Raises UsageError or CannotObserve.
    """
    deployment = opened(config, going_down=phase is Phase.ABSENT, draft=True)
    if phase is Phase.ASLEEP:
        rented_only(deployment, "sleep")
    session = deployment.session(progress, start_sandbox=start_sandbox)
    return previews(session, aimed(session.desired, phase, begin=begin, patient=not now))
