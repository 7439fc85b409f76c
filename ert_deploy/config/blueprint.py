"""Renders render.yaml.j2, the Blueprint that creates the dashboard's service on Render.

The template engine is imported when a Blueprint is rendered, so that no other command pays for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from ert_deploy.config.blueprint_lint import lint
from ert_deploy.config.settings import Settings
from ert_deploy.core.errors import UsageError
from ert_deploy.core.model import Target

PYTHON_VERSION = "3.13.1"
Region = Literal["oregon", "ohio", "virginia", "frankfurt", "singapore"]
Trigger = Literal["off", "commit", "checksPass"]
_NAME = "render.yaml.j2"
_PACKAGE = Path(__file__).resolve().parent.parent


def render(settings: Settings, *, region: Region = "oregon", trigger: Trigger = "checksPass") -> str:
    """The text of render.yaml for every service of a config, free of findings of our own lint.

    Raises UsageError when the config names a service by id (a Blueprint knows names only), or gives an app
    variables that clash with those the Blueprint sets.
    """
    targets = settings.desired.targets
    text = _rendered(settings.desired.deployment, targets, region, trigger)
    found = lint(text, owned=[name for target in targets for name in target.names.all()])
    if found:
        raise UsageError("the config does not make a valid Blueprint", "\n".join(found))
    return text


def _rendered(deployment: str, targets: tuple[Target, ...], region: str, trigger: str) -> str:
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
        services=[_service(target) for target in targets],
        region=region,
        trigger=trigger,
        python_version=PYTHON_VERSION,
    )


def _service(target: Target) -> dict[str, object]:
    if target.service.startswith("srv-"):
        raise UsageError(
            f"a Blueprint needs the service's name, and the config has its id {target.service}",
            hint="write the name under render/services",
        )
    return {"name": target.service, "health_path": target.health_path, "owned": target.names.all()}
