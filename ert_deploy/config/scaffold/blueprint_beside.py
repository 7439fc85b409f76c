"""Agent in the dashboard's service of the Blueprint: a start command for both, and what only the agent gets. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace

from ert_deploy.config.scaffold.blueprint_agent import LOCKS, ensure_a_machine, ensure_own_database, section_of
from ert_deploy.config.settings import AgentService, Blueprint, PostgresState, S3Object, Settings
from ert_deploy.core.model.errors import UsageError

URL = "http://127.0.0.1:8790"  # the agent's default address
OF_THE_STATE = "ERT_STATE_"  # variables that begin so are kept from the dashboard
IN_S3 = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_S3")
WHOLE = ("root", "runtime", "start", "instances", "role")  # of a dashboard that can have an agent with it
OF_THE_SERVICE = ("plan", "repo", "branch", "root", "trigger")  # in the dashboard's blueprint


@dataclass(frozen=True, slots=True)
class Beside:
    """What the template needs of the agent. `prompted` are variables that Render prompts for."""

    url: str
    gpu_key: str
    state_variable: str | None
    prompted: tuple[str, ...]


def beside_part(settings: Settings, databases: Collection[str]) -> Beside | None:
    """Return what the service of the dashboard gets besides; None without an agent in it. `databases`: of the apps.

    Raises `UsageError` for a service that is no whole dashboard, or a state that the agent does not see.
    """
    how, place, section = settings.agent, settings.state, section_of(settings)
    if how.beside is None:
        return None
    ensure_a_machine(settings)
    rows = zip(settings.desired.targets, settings.blueprints, strict=True)
    _ensure_a_whole_dashboard(f"{section}/beside", {target.service: one for target, one in rows}.get(how.beside))
    unused = [name for name in ("name", *OF_THE_SERVICE) if getattr(how, name) != getattr(AgentService(), name)]
    if unused:
        raise UsageError(
            f"{section}: in the dashboard's service it has no {' and no '.join(unused)} of its own",
            hint="a service is described in its blueprint",
        )
    key = (settings.state_key.env,) if settings.state_key else ()
    if isinstance(place, S3Object):
        return Beside(URL, settings.gpu.key.env, None, (*key, *IN_S3))
    if not isinstance(place, PostgresState) or not place.variable.startswith(OF_THE_STATE):
        raise UsageError(
            f"{section}: the agent needs a state that it sees too, and the dashboard does not",
            hint=f"write state: postgres, or one in S3; a variable of your own begins with {OF_THE_STATE}",
        )
    ensure_own_database(section, how, databases)
    return Beside(URL, settings.gpu.key.env, place.variable, key)


def with_agent(settings: Settings, how: Blueprint, before: str | None) -> dict[str, object]:
    """Return what differs in the service of the dashboard: it is built and started from the whole repository."""
    lock = "s3" if isinstance(settings.state, S3Object) else "postgres"
    both = settings.agent.build or (
        f"{LOCKS} -r requirements/beside.lock -r requirements/{lock}.lock && pip install --no-deps ."
    )
    folder = shlex.quote(how.root)
    return {
        "how": replace(how, root=".", build=f"{both} && cd {folder} && {how.build}"),
        "start": f"ert-deploy agent -c {shlex.quote(settings.source.stem)} --gpu-only --beside {folder}",
        "before": f"cd {folder} && {before}" if before else None,
    }


def _ensure_a_whole_dashboard(path: str, how: Blueprint | None) -> None:
    if how is None:
        raise UsageError(f"{path} names no service of this config", hint="write the name of the dashboard's")
    default = Blueprint()
    odd = [name for name in WHOLE if getattr(how, name) != getattr(default, name)]
    if odd or how.plan == "free":
        raise UsageError(
            f"{path}: that service has another {' and another '.join(odd or ['plan'])}",
            hint="the agent needs one instance of the dashboard, which serves and writes and does not sleep",
        )
