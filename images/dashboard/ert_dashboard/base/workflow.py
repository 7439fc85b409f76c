"""Workflow settings: the GitHub workflow that wakes the GPU where there is no agent, and the token to start it. No I/O.

The token is a fine-grained one for one repository with the permission Actions (read and write), and nothing else: who
has it can start and stop workflows of that repository, and reads no secret of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ert_dashboard.base.agent import URL
from ert_dashboard.base.env import BadSetting, number
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.urls import read_origin, within_private_network

WORKFLOW, TOKEN, INPUTS, API = "ERT_WAKE_WORKFLOW", "ERT_WAKE_TOKEN", "ERT_WAKE_INPUTS", "ERT_WAKE_API"
GITHUB, ENTERPRISE = "https://api.github.com", "/api/v3"
WAKE: Mapping[str, str] = {"command": "wake"}
_MOST_INPUTS, _LONGEST_INPUT = 10, 200
_PLACE = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,99})/"
    r"(?P<file>[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.ya?ml)@(?P<ref>[A-Za-z0-9][A-Za-z0-9._/-]{0,199})"
)
_TOKEN_SHAPE = re.compile(r"[\x21-\x7e]{16,512}")
_INPUT_SHAPE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Workflow:
    """A workflow with `workflow_dispatch`: `file` of `repository` (OWNER/NAME), started on the branch or tag `ref`.

    It is started `runs_per_hour` times at most, by whomever; visitors may ask for it `wakes_per_hour` times.
    """

    repository: str
    file: str
    ref: str
    token: Secret
    inputs: Mapping[str, str] = field(default_factory=lambda: dict(WAKE))
    runs_per_hour: int = 6
    wakes_per_hour: int = 2
    api: str = GITHUB


def read_workflow(environ: Mapping[str, str], *, preview: bool) -> Workflow | None:
    """Parse the variables; None without a workflow, and on the preview of a pull request, which has copies of them.

    Raise `BadSetting` for half a configuration, and for one beside an agent.
    """
    place, token = environ.get(WORKFLOW, "").strip(), environ.get(TOKEN, "").strip()
    inputs, api = environ.get(INPUTS, "").strip(), environ.get(API, "").strip()
    runs = int(number(environ, "ERT_WAKE_RUNS_PER_HOUR", 6, 1, 20))
    per_hour = int(number(environ, "ERT_DASHBOARD_WAKES_PER_HOUR", 2, 0, 60))
    if preview:
        return None
    if not place:
        given = [name for name, value in ((TOKEN, token), (INPUTS, inputs), (API, api)) if value]
        if given:
            raise BadSetting(f"{given[0]} is set without {WORKFLOW}")
        return None
    if environ.get(URL, "").strip():
        raise BadSetting(f"{WORKFLOW} and {URL} are both set: one of them wakes the GPU")
    found = _PLACE.fullmatch(place)
    if found is None or ".." in place:
        raise BadSetting(f"{WORKFLOW} must be of the form OWNER/REPOSITORY/FILE.yml@BRANCH")
    if not _TOKEN_SHAPE.fullmatch(token):
        raise BadSetting(f"{WORKFLOW} needs {TOKEN}: 16 to 512 printable characters without a space")
    repository = f"{found['owner']}/{found['name']}"
    return Workflow(
        repository, found["file"], found["ref"], Secret(token), _inputs(inputs), runs, per_hour, _api(api)
    )  # fmt: skip


def _inputs(text: str) -> Mapping[str, str]:
    if not text:
        return dict(WAKE)
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or len(values) > _MOST_INPUTS or not all(_is_input(*one) for one in values.items()):
        raise BadSetting(
            f'{INPUTS} must be a JSON object of at most {_MOST_INPUTS} texts, such as {{"command": "wake"}}'
        )
    return values


def _is_input(name: str, value: object) -> bool:
    return bool(_INPUT_SHAPE.fullmatch(name)) and isinstance(value, str) and len(value) <= _LONGEST_INPUT


def _api(text: str) -> str:
    if not text:
        return GITHUB
    path = ENTERPRISE if text.rstrip("/").endswith(ENTERPRISE) else ""
    origin = read_origin(text.rstrip("/").removesuffix(ENTERPRISE), ("https", "http"))
    if origin is None or (origin.startswith("http:") and not within_private_network(origin)):
        raise BadSetting(f"{API} must be of the form https://HOST, or https://HOST{ENTERPRISE}")
    return f"{origin}{path}"
