"""Preflight checks before anything is rented, for errors that would make a run fail or do harm. Read-only.

A `Finding` stops the run if only the user can fix it: a suspended service, one whose deploys cause downtime, one that
gets owned variables from another source too, an app that cannot report its configuration. All other findings are only
reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ert_deploy.core.model.desired import RUNNING, Desired, Target
from ert_deploy.core.model.errors import NothingToWake, UsageError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.provider import Platform
from ert_deploy.core.model.text import printable
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.app_proof import Finding, app_findings
from ert_deploy.engine.decide import must_be_decided
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.observe import find_service
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, WebHost, WebService


def preflight(run: Run) -> Effects[None]:
    """Raise UsageError for the first `Finding` that stops the run; report all other ones. Only when starting.

    Raises NothingToWake if the deployment does not exist and is not to begin.
    """
    if run.desired.phase is not RUNNING:
        return
    if not (run.desired.begin or run.memory.traced or begun(run.situation)):
        must_be_decided(run.situation, any_doubt=True)
        none = nothing_to_wake(run.desired)
        raise NothingToWake(none.what, hint=none.hint)
    for finding in (yield from findings(run.desired, run.memory)):
        if finding.stops:
            raise UsageError(finding.what, hint=finding.hint)
        yield from ask(Audience.tell, Trouble(finding.what, finding.hint))


def nothing_to_wake(desired: Desired) -> Finding:
    """Return why a deployment cannot be woken that does not exist."""
    return Finding(
        f"there is nothing to wake: no instance of {desired.deployment} exists", "`ert-deploy up` rents a GPU"
    )


def findings(desired: Desired, memory: RunMemory) -> Effects[tuple[Finding, ...]]:
    """Return the problems of all targets, in their order. Raises the errors of reading a service."""
    found: list[Finding] = []
    for target in desired.targets if desired.publishes else ():
        service = yield from find_service(target, memory)
        grouped = yield from ask(WebHost.read_groups, service)
        found += _about(target, service, grouped, desired.platform)
        found += yield from app_findings(target, service, desired.platform)
    return tuple(found)


def _about(target: Target, service: WebService, grouped: Mapping[str, str], host: Platform) -> Iterator[Finding]:
    if service.suspended:
        yield Finding(
            f"the service {service.name} is suspended ({service.suspended})",
            f"resume it at {host.name}, then run `ert-deploy up` again",
        )
    if service.preview_of and not target.previews:
        yield Finding(
            f"the service {service.name} is a preview of {service.preview_of} and would use its GPU",
            f"name {service.preview_of} under {host.services}, or write previews: use beside that list",
        )
    if service.has_disk and not target.allow_downtime:
        yield Finding(
            f"the service {service.name} has a disk: each deploy stops it for seconds to minutes",
            f"write allow_downtime: true for {target.service} under {host.services}, or detach the disk",
        )
    if both := [name for name in target.names.all() if name in grouped]:
        groups = ", ".join(sorted({printable(grouped[name], 60) for name in both}))
        yield Finding(
            f"{', '.join(both)} would be set in {service.name} by ert-deploy and by the environment group {groups}",
            f"take it out of the group, or unlink the group from the service at {host.name}",
        )
    if service.makes_previews and not target.previews:
        yield Finding(
            f"{host.name} copies the variables of {service.name}, with the backend's key, into its previews",
            f"the dashboard leaves the backend alone there; another app has to look at {host.preview_variable}",
            stops=False,
        )
    if service.sleeps:
        yield Finding(
            f"{service.name} {service.sleeps}",
            "the next visitor after that has to wait until it runs again",
            stops=False,
        )


def begun(situation: Situation) -> bool:
    """Whether any trace of it exists: an instance, a pending create, or an app with the URL of a backend."""
    published = any(publication.env.get(t.names.url) for t, publication in situation.targets)
    return published or bool(situation.ours) or not situation.observed.state.empty()
