"""Templates: named orders; a create call refers to one by its id or its hash.

Sources: Vast OpenAPI (`create_template`, `edit_template`, `delete_template`, `search_templates`); the `vastai` package
for `PUT /api/v1/template/`, which needs both `id` and `hash_id`; Vast docs: scalars of the create call win, `env` is
merged by key, and the hash depends on the content, so that every edit changes it. The response to an unknown hash
is not documented; here it is a 404 `no_such_template`.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.filters import check, matches
from ert_deploy.sandbox.vast.user.model import PUBLIC_TEMPLATES, USER_ID, Template
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, success

# What a template keeps of the call that creates or edits it, with the defaults.
FIELDS: Mapping[str, Any] = {
    "name": "",
    "image": "",
    "tag": "",
    "href": "",
    "repo": "",
    "env": "",
    "onstart": "",
    "args_str": "",
    "runtype": "ssh",
    "jup_direct": False,
    "ssh_direct": False,
    "use_ssh": False,
    "use_jupyter_lab": False,
    "jupyter_dir": None,
    "docker_login_repo": None,
    "extra_filters": {},
    "recommended_disk_space": None,
    "desc": "",
    "readme": "",
    "readme_visible": True,
    "private": True,
    "volume_info": None,
}


def find(estate: Estate, request: Request) -> Reply:
    """Return the templates that match `select_filters`: the account's own and public ones."""
    try:
        filters = json.loads(request.one("select_filters") or "{}")
    except ValueError:
        filters = None
    if not isinstance(filters, dict):
        raise Refusal(400, "invalid_request", "Error in query parameters: select_filters must be an object")
    for column, conditions in filters.items():
        check(column, conditions)
    rows = [row for row in map(_row, _all(estate)) if matches(row, filters)]
    return success(templates_found=len(rows), templates=rows)


def create(estate: Estate, request: Request) -> Reply:
    """Create a template."""
    fields = _fields(body_of(request), FIELDS)
    template = Template(max(estate.user.templates, default=123_455) + 1, estate.clock.now(), fields, _hash(fields))
    estate.user.templates[template.id] = template
    return success(
        msg=f"Template Created Successfully! New Template ID: {template.id}",
        template={**_row(template), "name": fields["name"]},
    )


def edit(estate: Estate, request: Request) -> Reply:
    """Change a template of the account; what is not in the body stays, and the hash is a new one."""
    body = body_of(request)
    template = _own(estate, body)
    if request.path.startswith("/api/v1/") and body.get("id") != template.id:
        raise Refusal(400, "invalid_args", "id and hash_id are required and must be of one template")
    fields = _fields(body, template.fields)
    changed = Template(template.id, template.created, fields, _hash(fields))
    estate.user.templates[template.id] = changed
    return success(template=_row(changed))


def delete(estate: Estate, request: Request) -> Reply:
    """Delete a template of the account, named by `template_id` or `hash_id`."""
    template = _own(estate, body_of(request))
    del estate.user.templates[template.id]
    return success(msg="Template deleted.")


def with_template(estate: Estate, body: Json) -> Json:
    """Return the body of a create call, completed by its template, if it has one. Raises `Refusal` 404."""
    id, hash_id = body.get("template_id"), body.get("template_hash_id")
    if id is None and hash_id is None:
        return body
    template = next((one for one in _all(estate) if one.id == id or one.hash_id == hash_id), None)
    if template is None:
        # F16
        raise Refusal(404, "no_such_template", f"Template {hash_id or id} is not accessible by the user.")
    if not isinstance(body.get("env") or {}, dict):
        raise Refusal(400, "invalid_args", "invalid env type: env must be a dict")
    fields = template.fields
    image = f"{fields['image']}:{fields['tag']}" if fields["tag"] else fields["image"]
    given = {name: value for name, value in body.items() if value is not None}
    return {
        "image": image,
        "onstart": fields["onstart"] or None,
        "runtype": _runtype(fields),
        "disk": fields["recommended_disk_space"],
        **given,
        "env": {**docker_env(str(fields["env"] or "")), **(given.get("env") or {})},
        "template_id": template.id,
        "template_hash_id": template.hash_id,
    }


def docker_env(options: str) -> dict[str, str]:
    """Return the `env` object of docker options such as `-e A=b -p 8000:8000`. Raises `Refusal` 400."""
    try:
        words = shlex.split(options)
    except ValueError:
        raise Refusal(400, "invalid_args", "the docker options have a quote without its end") from None
    env: dict[str, str] = {}
    for flag, value in zip(words[::2], words[1::2], strict=False):
        if flag == "-e":
            name, _, text = value.partition("=")
            env[name] = text
        elif flag in ("-p", "-v"):
            env[f"{flag} {value}"] = "1"
        elif flag == "-h":
            env[flag] = value
        else:
            raise Refusal(400, "invalid_args", f"docker option {flag} is not supported")
    return env


def _runtype(fields: Mapping[str, Any]) -> str:
    if fields["runtype"] == "jupyter":
        return "jupyter_direc ssh_direc ssh_proxy" if fields["jup_direct"] else "jupyter_proxy ssh_proxy"
    if fields["runtype"] == "ssh":
        return "ssh_direc ssh_proxy" if fields["ssh_direct"] else "ssh_proxy"
    return "args"


def _fields(body: Json, known: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: body[name] if body.get(name) is not None else known[name] for name in FIELDS}
    for name in ("name", "image"):
        if not isinstance(fields[name], str) or not fields[name]:
            raise Refusal(400, "invalid_args", f"Template {name} is required")
    docker_env(str(fields["env"] or ""))
    return fields


def _hash(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


def _all(estate: Estate) -> list[Template]:
    return [*estate.user.templates.values(), *(_public(one) for one in PUBLIC_TEMPLATES)]


def _public(template: Template) -> Template:
    return Template(
        template.id, template.created, {**FIELDS, "private": False, **template.fields}, template.hash_id, creator=1
    )


def _own(estate: Estate, body: Json) -> Template:
    id, hash_id = body.get("template_id"), body.get("hash_id")
    if id is None and hash_id is None:
        raise Refusal(400, "invalid_args", "template_id or hash_id is required")
    found = (one for one in estate.user.templates.values() if one.id == id or one.hash_id == hash_id)
    template = next(found, None)
    if template is None:
        raise Refusal(404, "no_such_template", f"Template {hash_id or id} is not one of yours.")
    return template


def _row(template: Template) -> Json:
    return {
        **template.fields,
        "id": template.id,
        "hash_id": template.hash_id,
        "creator_id": USER_ID if template.creator is None else template.creator,
        "created_at": template.created,
        "count_created": 0,
        "default_tag": template.fields["tag"],
        "recent_create_date": None,
        "recommended": False,
    }
