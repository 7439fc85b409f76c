"""Render `WebHost`: looks up web services, sets their environment variables, starts deploys.

Variables are set one at a time. The API call for all variables of a service at once is not used, and a path is never
built from an empty id, so this module cannot delete variables of other owners. Sources: Render's OpenAPI specification,
render.com/docs/deploys, and the responses recorded in `render-oss/terraform-provider-render`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial

from ert_deploy.adapters.bounded_http import Bounds, NoAnswer, Reply
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, NoSuchService, Transient, UsageError
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.core.model.provider import FORM, Platform
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock, LogLine, WebService
from ert_deploy.providers.render.client import LIST_SIZE, PAGE, Call, RenderHttp, path_of
from ert_deploy.providers.render.deploys import RenderDeploys
from ert_deploy.providers.render.parse import (
    WEB,
    WORKER,
    Json,
    group_of,
    linked_groups,
    object_of,
    preview_of,
    service_of,
    thing_of,
    variable_of,
)

SERVICE_ID = re.compile(r"srv-[0-9a-z]{20}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RenderWeb:
    """A `WebHost` at Render. `base_url` includes the version (`https://api.render.com/v1`).

    `bounds` apply to each single request.
    """

    platform = Platform("Render", "render/services", preview_variable="IS_PULL_REQUEST")

    def __init__(self, api_key: Secret, base_url: str, clock: Clock, bounds: Bounds | None = None) -> None:
        self._http = RenderHttp(api_key, base_url, clock, bounds or Bounds())
        self._deploys = RenderDeploys(self._http, clock)

    def service(self, target: str) -> WebService:
        """Return the web service or worker with that id or exact name.

        Raises `UsageError` when there is none or several, or the key is rejected, `CannotObserve` without a usable
        response.
        """
        if SERVICE_ID.fullmatch(target):
            call = Call("GET", path_of("services", target))
            raw = self._http.parsed(call, self._http.read(call), lambda body: thing_of(body, target))
        else:
            call = Call("GET", "/services", {"name": target})
            raw = self._only(target, self._http.pages(call, "service"))
        if raw.get("type") not in (WEB, WORKER):
            kind = printable(raw.get("type"), 40)
            raise UsageError(f"{printable(target, 100)} is a {kind} at Render, not a {WEB}")
        try:
            return service_of(raw)
        except ValueError as error:
            raise CannotObserve(f"Render's response cannot be used: {printable(error)}", str(call)) from None

    def _only(self, name: str, found: Iterable[Json]) -> Json:
        """Return the one service with exactly that name; a web service comes before other types, a preview last."""
        hits = [item for item in found if item.get("name") == name]
        hits = [item for item in hits if item.get("type") == WEB] or hits
        hits = [item for item in hits if not preview_of(item)] or hits
        if len(hits) == 1:
            return hits[0]
        shown = printable(name, 100)
        if not hits:
            raise NoSuchService(f"this key's Render user has no service named {shown}", hint="make it at Render first")
        where = (f"{printable(h.get('id'), 40)} in workspace {printable(h.get('ownerId'), 40)}" for h in hits)
        raise UsageError(f"{len(hits)} services are named {shown}", "\n".join(where), "name it by its id (srv-...)")

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        """Return all variables set on the service itself, without those of groups.

        Raises `CannotObserve` unless every page was read.
        """
        call = Call("GET", path_of("services", service_id, "env-vars"))
        items = self._http.pages(call, "envVar")
        try:
            env = dict(variable_of(item) for item in items)
        except ValueError as error:
            raise CannotObserve(f"Render's response cannot be used: {printable(error)}", str(call)) from None
        self._hold(env)
        return env

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        """Return the variables of linked environment groups: the name of each with its group. Values are not kept."""
        call = Call("GET", "/env-groups", {"ownerId": service.owner_id, "limit": str(PAGE)}, size=LIST_SIZE)
        links = self._http.parsed(call, self._http.read(call), lambda raw: linked_groups(raw, service.id))
        found: dict[str, str] = {}
        for group_id in links:
            one = Call("GET", path_of("env-groups", group_id), size=LIST_SIZE)
            name, keys = self._http.parsed(one, self._http.read(one), partial(group_of, wanted=group_id))
            found |= dict.fromkeys(keys, name)
        return found

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        """Set one variable and check that the response contains it.

        Raises `Transient`, `Rejected`, or `UsageError` (also for an empty value).
        """
        if not value:
            raise UsageError(
                f"refusing to set {printable(name, 80)} to nothing", hint="an empty value can break the app"
            )
        path = path_of("services", service_id, "env-vars", _variable(name))
        call = Call("PUT", path, body={"value": value.reveal()}, secrets=(value,))
        self._hold({name: value})
        reply = self._write(call)
        if reply.status not in (200, 201):
            raise self._http.unwritten(call, reply)
        if not _confirms(reply, name, value):
            raise Transient("Render's response does not confirm the variable", self._http.trace(call, reply))

    def delete_env(self, service_id: str, name: str) -> None:
        """Delete one variable; a 404 counts as success. Raise `Transient`, `Rejected` or `UsageError`."""
        call = Call("DELETE", path_of("services", service_id, "env-vars", _variable(name)))
        reply = self._write(call)
        if reply.status not in (200, 204, 404):
            raise self._http.unwritten(call, reply)

    def _hold(self, env: Mapping[str, Secret]) -> None:
        """Remove all values from messages of Render, and those of variables with a secret's name from any output."""
        self._http.hold(env.values())
        redaction.HELD.hold_named({name: value.reveal() for name, value in env.items()})

    def _write(self, call: Call) -> Reply:
        try:
            return self._http.repeatable(call)
        except NoAnswer as trouble:
            raise self._http.silence(call, trouble, Transient) from None

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        """Return the most recently created deploy, or None if there is none."""
        return self._deploys.newest(service_id)

    def deploy(self, service_id: str) -> WebDeploy | None:
        """Start a deploy with the current environment; see `RenderDeploys.start`."""
        return self._deploys.start(service_id)

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        """Return a deploy by id. Raise `Gone` when Render still returns 404 some time after it was created."""
        return self._deploys.get(service_id, deploy_id)

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        """Return Render's reason and the last log lines. Best effort, never raises."""
        return self._deploys.failure(service, deploy)

    def instances(self, service_id: str) -> tuple[str, ...]:
        """Return the ids of all instances: those that serve, start or end. Raise `CannotObserve`."""
        call = Call("GET", path_of("services", service_id, "instances"), size=LIST_SIZE)
        return self._http.parsed(call, self._http.read(call), ids_of)

    def logs(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        """Return the last lines of the service's log, at most 100, oldest first. Raise `CannotObserve`."""
        return self._deploys.log(service, tail)


def ids_of(raw: object) -> tuple[str, ...]:
    """Return the ids in a list of instances, without those that are no plain text. Raise `ValueError` for no list."""
    if not isinstance(raw, list):
        raise ValueError("the instances are no list")
    ids = (row.get("id") for row in raw if isinstance(row, dict))
    return tuple(one for one in ids if isinstance(one, str) and FORM.fullmatch(one))


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise UsageError(f"{printable(name, 80)!r} cannot be the name of a variable")
    return name


def _confirms(reply: Reply, name: str, value: Secret) -> bool:
    """Whether the response to a write contains the written value."""
    try:
        shown = object_of(reply.json(), "the variable")
        return shown.get("key") == name and shown.get("value") == value.reveal()
    except ValueError:
        return False
