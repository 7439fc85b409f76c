"""Blueprint: renders `render.yaml.j2`, which creates the service of the dashboard on Render.

The template engine is imported only for this, so that other commands start faster.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ert_deploy.config.providers import RENDER
from ert_deploy.config.scaffold.blueprint_agent import agent_part, state_part
from ert_deploy.config.scaffold.blueprint_beside import Beside, beside_part, with_agent
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.settings import Blueprint, Settings
from ert_deploy.core.model.desired import Desired, Target
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.replica import one_replica

PYTHON_VERSION = "3.13.1"
DASHBOARD = Blueprint().root
MIGRATE = "python -m ert_dashboard.storage.sql.migrate"
DATABASE_PLAN = "basic-256mb"
STORE_PLAN = "starter"
START = "python -m ert_dashboard"
_NAME = "render.yaml.j2"
_PACKAGE = Path(__file__).resolve().parents[2]


def render(settings: Settings) -> str:
    """Return the text of `render.yaml` for every service of a config, without findings of `blueprint_lint`.

    Raises `UsageError` for another web host, when the config identifies a service by id (a Blueprint has only names),
    when an owned variable conflicts with one that the Blueprint sets, for one database in two regions,
    or for an agent that could not do its work there.
    """
    host = settings.web.provider
    if not host.blueprint:
        raise UsageError(f"a Blueprint is for Render, and providers/web is {host.section}")
    targets = settings.desired.targets
    owned = [owned_names(settings.desired, at) for at in range(len(targets))]
    _ensure_roles(targets, settings.blueprints)
    databases = _regions("database", [(how.database, how.region) for how in settings.blueprints])
    stores = _regions("key value store", [(how.key_value, how.region) for how in settings.blueprints])
    agent = agent_part(settings, databases, {how.region for how in settings.blueprints})
    beside = beside_part(settings, databases)
    services = [
        _service(target, names, how) | _beside(settings, target, how, beside)
        for target, names, how in zip(targets, owned, settings.blueprints, strict=True)
    ]
    state = state_part(settings)
    text = _rendered(settings.desired.deployment, services, databases, stores, agent, state=state)
    found = lint(text, owned=[name for names in owned for name in names])
    if found:
        raise UsageError("the config does not make a valid Blueprint", "\n".join(found))
    return text


def _regions(kind: str, used: list[tuple[str | None, str]]) -> dict[str, str]:
    """Return the region of each name. All are reached over the private network, which has one region."""
    regions: dict[str, str] = {}
    for name, region in used:
        if name is not None and regions.setdefault(name, region) != region:
            raise UsageError(
                f"the {kind} {name} is used from {regions[name]} and from {region}",
                hint=f"give the services of each region a {kind} of their own",
            )
    return regions


def _ensure_shareable(name: str, how: Blueprint) -> None:
    """Raise `UsageError` for instances that the plan does not allow, or of the dashboard, that would share nothing."""
    if how.instances == 1:
        return
    if how.plan == "free":
        raise UsageError(
            f"{name}: a free service has one instance", hint="write instances: 1, or another plan, in its blueprint"
        )
    missing = " and ".join(part for part, value in _shared_parts(how).items() if value is None)
    if how.root == DASHBOARD and missing:
        raise UsageError(
            f"{name}: {how.instances} instances of the dashboard need {missing} under its blueprint",
            hint="without them each has reports and logins of its own; instances: 1 in the blueprint needs neither",
        )


def _ensure_roles(targets: Sequence[Target], hows: Sequence[Blueprint]) -> None:
    """Raise `UsageError` for a web service whose reports nobody writes, or a worker that would share nothing."""
    workers = {how.database for how in hows if how.role == "worker"}
    for target, how in zip(targets, hows, strict=True):
        if how.role == "all":
            continue
        name = f"{target.service} with role: {how.role}"
        missing = " and ".join(key for key, value in _shared_parts(how).items() if value is None)
        if how.root != DASHBOARD:
            raise UsageError(
                f"{name}: roles are the dashboard's", hint="leave role out of the blueprint of another app"
            )
        if missing:
            raise UsageError(f"{name} needs {missing} under its blueprint", hint="web service and worker meet there")
        if how.role == "web" and how.database not in workers:
            raise UsageError(
                f"{name}: no service with role: worker uses the database {how.database}",
                hint="add a row for the worker with the same database, or write role: all",
            )
        if how.role == "worker" and (how.plan == "free" or target.address is None):
            raise UsageError(
                f"{name} needs a plan other than free, and the address of its web service",
                hint="write address: https://NAME.onrender.com and health_path: /health/worker in its row",
            )


def _shared_parts(how: Blueprint) -> dict[str, str | None]:
    return {"database": how.database, "key_value": how.key_value}


def _rendered(
    deployment: str,
    services: list[dict[str, object]],
    databases: dict[str, str],
    stores: dict[str, str],
    agent: dict[str, object] | None,
    *,
    state: dict[str, object] | None,
) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_PACKAGE / "_bundled", _PACKAGE.parent]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is YAML; every value goes through `quoted`
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = json.dumps  # a JSON string is a YAML string
    return environment.get_template(_NAME).render(
        deployment=deployment,
        services=services,
        databases=databases,
        database_plan=DATABASE_PLAN,
        stores=stores,
        store_plan=STORE_PLAN,
        agent=agent,
        state=state,
        python_version=PYTHON_VERSION,
    )


def commands(how: Blueprint) -> tuple[str, str | None]:
    """Return a service's start command, and the one that runs before each deploy; None for none.

    Render has no such command for free services; the dashboard also migrates when it starts.
    """
    start = how.start or (START if how.role == "all" else f"{START} --role {how.role}")
    return start, MIGRATE if how.database and how.root == DASHBOARD and how.plan != "free" else None


def owned_names(desired: Desired, at: int) -> tuple[str, ...]:
    """Return the names of the variables of the target at that place, for all replicas."""
    each = (one_replica(desired, number).targets[at] for number in range(1, desired.replicas + 1))
    return tuple(name for target in each for name in target.names.all())


def _service(target: Target, owned: tuple[str, ...], how: Blueprint) -> dict[str, object]:
    if target.service.startswith(RENDER.id_prefix):
        raise UsageError(
            f"a Blueprint needs the service's name, and the config has its id {target.service}",
            hint=f"write the name under {RENDER.section}/services",
        )
    _ensure_shareable(target.service, how)
    start, before = commands(how)
    return {
        "name": target.service,
        "health_path": target.health_path,
        "owned": owned,
        "how": how,
        "start": start,
        "type": "worker" if how.role == "worker" else "web",
        "dashboard": how.root == DASHBOARD,
        "before": before,
        "domain": _domain(target),
    }


def _beside(settings: Settings, target: Target, how: Blueprint, beside: Beside | None) -> dict[str, object]:
    """Return what differs in a service because of an agent in it."""
    if beside is None or target.service != settings.agent.beside:
        return {"beside": None}
    return {"beside": beside, **with_agent(settings, how, commands(how)[1])}


def _domain(target: Target) -> str:
    """Return the user's own domain for a service, which the app cannot know; empty if Render gave the name."""
    host = urlsplit(target.address or "").hostname or ""
    return "" if host.endswith(".onrender.com") else host
