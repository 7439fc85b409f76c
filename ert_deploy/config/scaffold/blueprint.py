"""Renders render.yaml.j2, the Blueprint that creates the dashboard's service on Render.

The template engine is imported when a Blueprint is rendered, so that no other command pays for it.
"""

from __future__ import annotations

import json
from pathlib import Path

from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.settings import Blueprint, Settings
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import UsageError

PYTHON_VERSION = "3.13.1"
DASHBOARD = Blueprint().root
# One worker, because the live connections live in it; threads, because gunicorn has no eventlet worker any more.
START = "gunicorn -k gthread -w 1 --threads 100 --no-control-socket --bind 0.0.0.0:$PORT wsgi:app"
_NAME = "render.yaml.j2"
_PACKAGE = Path(__file__).resolve().parents[2]


def render(settings: Settings) -> str:
    """The text of render.yaml for every service of a config, free of findings of our own lint.

    Raises UsageError when the config names a service by id (a Blueprint knows names only), or gives an app
    variables that clash with those the Blueprint sets.
    """
    targets = settings.desired.targets
    services = [_service(target, how) for target, how in zip(targets, settings.blueprints, strict=True)]
    text = _rendered(settings.desired.deployment, services)
    found = lint(text, owned=[name for target in targets for name in target.names.all()])
    if found:
        raise UsageError("the config does not make a valid Blueprint", "\n".join(found))
    return text


def _rendered(deployment: str, services: list[dict[str, object]]) -> str:
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
        python_version=PYTHON_VERSION,
    )


def _service(target: Target, how: Blueprint) -> dict[str, object]:
    if target.service.startswith("srv-"):
        raise UsageError(
            f"a Blueprint needs the service's name, and the config has its id {target.service}",
            hint="write the name under render/services",
        )
    return {
        "name": target.service,
        "health_path": target.health_path,
        "owned": target.names.all(),
        "how": how,
        "start": how.start or START,
        "dashboard": how.root == DASHBOARD,
    }
