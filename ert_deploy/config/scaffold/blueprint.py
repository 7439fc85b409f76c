"""Blueprint: renders `render.yaml.j2`, which creates the service of the dashboard on Render.

The template engine is imported only for this, so that other commands start faster.
"""

from __future__ import annotations

import json
from pathlib import Path

from ert_deploy.config.providers import RENDER
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.settings import Blueprint, Settings
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import UsageError

PYTHON_VERSION = "3.13.1"
DASHBOARD = Blueprint().root
# One worker, because it holds the open connections in memory; threads, because gunicorn removed its eventlet worker.
MIGRATE = "python -m ert_dashboard.storage.sql.migrate"
DATABASE_PLAN = "basic-256mb"
START = "gunicorn -k gthread -w 1 --threads 100 --no-control-socket --bind 0.0.0.0:$PORT wsgi:app"
_NAME = "render.yaml.j2"
_PACKAGE = Path(__file__).resolve().parents[2]


def render(settings: Settings) -> str:
    """Return the text of `render.yaml` for every service of a config, without findings of `blueprint_lint`.

    Raises `UsageError` for another web host, when the config identifies a service by id (a Blueprint has only names),
    when an owned variable conflicts with one that the Blueprint sets, or for one database in two regions.
    """
    host = settings.web.provider
    if not host.blueprint:
        raise UsageError(f"a Blueprint is for Render, and providers/web is {host.section}")
    targets = settings.desired.targets
    services = [_service(target, how) for target, how in zip(targets, settings.blueprints, strict=True)]
    text = _rendered(settings.desired.deployment, services, _databases(settings.blueprints))
    found = lint(text, owned=[name for target in targets for name in target.names.all()])
    if found:
        raise UsageError("the config does not make a valid Blueprint", "\n".join(found))
    return text


def _databases(blueprints: tuple[Blueprint, ...]) -> dict[str, str]:
    """Return the region of each database. A database is reached over the private network, which has one region."""
    regions: dict[str, str] = {}
    for how in blueprints:
        if how.database is not None and regions.setdefault(how.database, how.region) != how.region:
            raise UsageError(
                f"the database {how.database} is used from {regions[how.database]} and from {how.region}",
                hint="give the services of each region a database of their own",
            )
    return regions


def _rendered(deployment: str, services: list[dict[str, object]], databases: dict[str, str]) -> str:
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
        python_version=PYTHON_VERSION,
    )


def _service(target: Target, how: Blueprint) -> dict[str, object]:
    if target.service.startswith(RENDER.id_prefix):
        raise UsageError(
            f"a Blueprint needs the service's name, and the config has its id {target.service}",
            hint=f"write the name under {RENDER.section}/services",
        )
    return {
        "name": target.service,
        "health_path": target.health_path,
        "owned": target.names.all(),
        "how": how,
        "start": how.start or START,
        "dashboard": how.root == DASHBOARD,
        # Render has no such command for free services; the dashboard also migrates when it starts.
        "before": MIGRATE if how.database and how.root == DASHBOARD and how.plan != "free" else None,
    }
