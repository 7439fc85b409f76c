"""SSH keys: those of the account, and which of them are attached to an instance.

Sources: Vast OpenAPI (`ssh`, `attach_ssh_key`, `detach_ssh_key`, `show_ssh_keys`). Public keys of the account are in
SSH_PUBLIC_KEY of every container that is started later (Vast docs, docker environment); no SSH server runs here.
"""

from __future__ import annotations

import json

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.runtime.clock import rfc3339
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.user.model import USER_ID, SshKey
from ert_deploy.sandbox.vast.wire import Json, Refusal, body_of, instance_id, no_such_instance, success

KINDS = ("ssh-", "ecdsa-", "sk-")


def show(estate: Estate, _: Request) -> Reply:
    """Return the keys of the account, as a list without an envelope."""
    rows = [{"id": key.id, "user_id": USER_ID, "key": key.text, **_dates(key)} for key in estate.user.ssh_keys.values()]
    return Reply.json(rows)


def create(estate: Estate, request: Request) -> Reply:
    """Add a public key to the account."""
    return success(key=_row(_add(estate, _text(request))))


def update(estate: Estate, request: Request) -> Reply:
    """Replace the text of a key."""
    key = _known(estate, request.params["id"], 400)
    changed = SshKey(key.id, _text(request), key.created)
    estate.user.ssh_keys[key.id] = changed
    return success(key=_row(changed))


def delete(estate: Estate, request: Request) -> Reply:
    """Remove a key from the account and from all instances."""
    key = _known(estate, request.params["id"], 400)
    del estate.user.ssh_keys[key.id]
    for contract in estate.live():
        contract.ssh_keys = [id for id in contract.ssh_keys if id != key.id]
    return success()


def attached(estate: Estate, request: Request) -> Reply:
    """Return the keys of an instance; the list is a string of JSON, as published."""
    contract = _instance(estate, request)
    rows = [_row(estate.user.ssh_keys[id]) for id in contract.ssh_keys]
    return success(ssh_keys=json.dumps(rows))


def attach(estate: Estate, request: Request) -> Reply:
    """Attach a key to an instance; a text that the account does not have yet is added to it."""
    contract, text = _instance(estate, request), _text(request)
    key = next((one for one in estate.user.ssh_keys.values() if one.text == text), None) or _add(estate, text)
    if key.id not in contract.ssh_keys:
        contract.ssh_keys.append(key.id)
    return success(msg="SSH key attached successfully")


def detach(estate: Estate, request: Request) -> Reply:
    """Detach a key from an instance."""
    contract, key = _instance(estate, request), _known(estate, request.params["ssh_key_id"], 404)
    if key.id not in contract.ssh_keys:
        raise Refusal(404, "no_such_ssh_key", "SSH key not found.")
    contract.ssh_keys.remove(key.id)
    return success(msg="SSH key removed from instance.")


def _text(request: Request) -> str:
    text = body_of(request).get("ssh_key")
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "no_ssh_key", "No ssh key provided")
    if not text.startswith(KINDS) or len(text.split()) < 2:
        raise Refusal(400, "invalid_request", "The key is not a public key in the format of OpenSSH.")
    return text.strip()


def _add(estate: Estate, text: str) -> SshKey:
    keys = estate.user.ssh_keys
    key = SshKey(max(keys, default=1000) + 1, text, rfc3339(estate.clock.now()))
    keys[key.id] = key
    return key


def _known(estate: Estate, id: str, status: int) -> SshKey:
    key = estate.user.ssh_keys.get(int(id)) if id.isdecimal() else None
    if key is None:
        raise Refusal(status, "no_such_ssh_key" if status == 404 else "no_ssh_key", "SSH key not found.")
    return key


def _instance(estate: Estate, request: Request) -> Contract:
    id = instance_id(request)
    contract = estate.get(id)
    if contract is None:
        raise no_such_instance(id)
    return contract


def _row(key: SshKey) -> Json:
    return {"id": key.id, "user_id": USER_ID, "public_key": key.text, **_dates(key)}


def _dates(key: SshKey) -> Json:
    return {"created_at": key.created, "deleted_at": None}
