"""Environment handlers: the variables that later deploys of a service get.

Writing does not deploy. The bulk PUT replaces all variables, also with `null` and `[]`; the PUT of one key creates
or updates only that key (Render OpenAPI, recorded responses). Values are returned unmasked.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import (
    bad_request,
    json_object,
    json_value,
    not_found,
    page,
    wrapped,
)
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import EnvVar


def generated() -> str:
    """Return 256 random bits as base64: 44 characters."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def value_of(given: dict[str, Any]) -> str:
    """Return the value for `{"value": ...}` or `{"generateValue": true}`. Raises a 400 `ApiError` for other objects."""
    if ("value" in given) == ("generateValue" in given):
        raise bad_request("exactly one of value and generateValue is needed")
    if "generateValue" in given:
        if given["generateValue"] is not True:
            raise bad_request("generateValue must be true")
        return generated()
    value = given["value"]
    if not isinstance(value, str) or "\0" in value:
        raise bad_request("value must be a string")
    return value


# F46
def key_of(key: Any) -> str:
    """Return a valid name of a variable; Render's own restrictions are not documented. Raises a 400 `ApiError`."""
    if not isinstance(key, str) or not key or "=" in key or "\0" in key:
        raise bad_request("invalid key")
    return key


def parse_variables(given: Any) -> dict[str, str]:
    """Parse a list of `{"key", "value" | "generateValue"}`, keeping the order; the last of a repeated key is used."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad_request("invalid JSON: expected an array of objects")
    return {key_of(item.get("key")): value_of({k: v for k, v in item.items() if k != "key"}) for item in given}


def replace_variables(platform: Platform, service: Service, variables: dict[str, str]) -> None:
    """Replace the environment of the service."""
    with platform.store.lock:
        service.env = {key: EnvVar(platform.store.next_seq(), key, value) for key, value in variables.items()}


def put_variable(platform: Platform, service: Service, key: str, value: str) -> None:
    """Create or update one variable; an updated one keeps its position in the list."""
    with platform.store.lock:
        if key in service.env:
            service.env[key].value = value
        else:
            service.env[key] = EnvVar(platform.store.next_seq(), key, value)


def list_env_vars(platform: Platform, request: Request) -> Reply:
    """Return one page of the service's own environment, without groups and the additions of Render."""
    service = platform.service(request)
    with platform.store.lock:
        return page(request, "envVar", [(v.seq, _shown(v)) for v in service.env.values()])


def _shown(variable: EnvVar) -> dict[str, str]:
    return {"key": variable.key, "value": variable.value}


def put_env_vars(platform: Platform, request: Request) -> Reply:
    """Replace the environment and return the new list, in the order of the request."""
    service = platform.service(request)
    replace_variables(platform, service, parse_variables(json_value(request) or []))
    with platform.store.lock:
        return Reply.json([wrapped("envVar", v.seq, _shown(v)) for v in service.env.values()])


def get_env_var(platform: Platform, request: Request) -> Reply:
    """Return one variable; 404 if it is not set on the service itself."""
    service, key = platform.service(request), request.params["key"]
    with platform.store.lock:
        if key not in service.env:
            raise not_found(key)
        return Reply.json(_shown(service.env[key]))


def put_env_var(platform: Platform, request: Request) -> Reply:
    """Create or update one variable."""
    service, key = platform.service(request), key_of(request.params["key"])
    put_variable(platform, service, key, value_of(json_object(request)))
    with platform.store.lock:
        return Reply.json(_shown(service.env[key]))


def delete_env_var(platform: Platform, request: Request) -> Reply:
    """Delete one variable; 404 if it does not exist."""
    service, key = platform.service(request), request.params["key"]
    with platform.store.lock:
        if service.env.pop(key, None) is None:
            raise not_found(key)
    return Reply(204)


ROUTES: Table = (
    ("GET", "/services/{service}/env-vars", "list_env_vars", list_env_vars),
    ("PUT", "/services/{service}/env-vars", "put_env_vars", put_env_vars),
    ("GET", "/services/{service}/env-vars/{key}", "get_env_var", get_env_var),
    ("PUT", "/services/{service}/env-vars/{key}", "put_env_var", put_env_var),
    ("DELETE", "/services/{service}/env-vars/{key}", "delete_env_var", delete_env_var),
)
