"""Agent in the Blueprint: a private service with a key and a state of its own, and what the apps get of it. No I/O.

A background worker of Render has no address, so that no app could reach it.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection

from ert_deploy.config.settings import AgentService, PostgresState, Settings
from ert_deploy.core.model.errors import UsageError

PORT = 10000  # the one that Render expects of a service
LOCKS = (
    "pip install --no-deps --only-binary :all: --require-hashes -r requirements/runtime.lock -r requirements/agent.lock"
)
BUILD = f"{LOCKS} -r requirements/postgres.lock && pip install --no-deps ."


def agent_part(settings: Settings, databases: Collection[str], regions: Collection[str]) -> dict[str, object] | None:
    """Return what the template needs of the agent's service; None without one. `databases`, `regions`: of the apps.

    Raises `UsageError` for a state that the agent does not see, a database of an app, a free plan, several regions, the
    name of an app, or a deployment without a machine.
    """
    how, place = settings.agent, settings.state
    if how.name is None:
        return None
    section = section_of(settings)
    ensure_a_machine(settings)
    if not isinstance(place, PostgresState):
        raise UsageError(
            f"{section}: the agent needs a state that it sees too",
            hint="write state: postgres; the Blueprint makes its database",
        )
    ensure_own_database(section, how, databases)
    if how.name in [target.service for target in settings.desired.targets]:
        raise UsageError(f"{section}: the name {how.name} is an app's", hint="give the agent one of its own")
    if how.plan == "free":
        raise UsageError(f"{section}: a private service has no free plan", hint="write plan: starter")
    if len(regions) > 1:
        raise UsageError(
            f"{section}: the services are in {' and '.join(sorted(regions))}",
            hint="all reach the agent over the private network of one region",
        )
    return {
        "name": how.name,
        "how": how,
        "build": how.build or BUILD,
        "region": next(iter(regions)),
        "start": f"ert-deploy agent -c {shlex.quote(settings.source.stem)} --gpu-only --listen 0.0.0.0:{PORT}",
        "gpu_key": settings.gpu.key.env,
        "state_variable": place.variable,
        "state_key": settings.state_key.env if settings.state_key else None,
    }


def state_part(settings: Settings) -> dict[str, object] | None:
    """Return what the template needs of the database of the state; None where the Blueprint makes none."""
    how = settings.agent
    if (how.name or how.beside) is None or not isinstance(settings.state, PostgresState):
        return None
    rows = zip(settings.desired.targets, settings.blueprints, strict=True)
    region = next(one.region for target, one in rows if how.beside in (None, target.service))
    return {"name": how.database, "region": region, "operators": how.operators}


def section_of(settings: Settings) -> str:
    """Return the path of the agent's section, for messages."""
    return f"{settings.web.provider.section}/agent"


def ensure_a_machine(settings: Settings) -> None:
    """Raise `UsageError` where nothing is rented."""
    if settings.desired.external is not None:
        raise UsageError(
            f"{section_of(settings)}: an external server needs no agent", hint="there is no machine to wake"
        )


def ensure_own_database(section: str, how: AgentService, databases: Collection[str]) -> None:
    """Raise `UsageError` for a state in a database of an app."""
    if how.database in databases:
        raise UsageError(
            f"{section}: the database {how.database} is an app's",
            hint="give the state one of its own: whoever can write it can spend your money",
        )
