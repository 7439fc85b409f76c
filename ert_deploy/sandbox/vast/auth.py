"""Authorization and request limits: the account's keys, those of containers, and the documented limits.

Sources: a missing key is a 403, an unknown one a 404 (not 401); a container's key can only manage its own instance, and
only from inside the container (Vast docs and field reports). Here it is rejected while the container is not running.

The limits are per key and operation, in `WorldClock` seconds. Each value and its source (Vast's OpenAPI files, the
`x-rate-limit` block or the 429 example):

| operation | limit | source |
|---|---|---|
| create | one in 4.5 s, and none for 12 s after a rejection | `create_instance.yaml`: threshold 4.5, penalty 12 |
| list | one in 1 s | `show_instances.yaml` |
| show | one in 2 s | `show_instance.yaml` |
| manage | one in 1 s | `start_instance.yaml`, `stop_instance.yaml`, `label_instance.yaml` |
| destroy | one in 3 s | `destroy_instance.yaml`: `endpoint threshold=3.0` |
| reboot, recycle | one in 1 s | `reboot_instance.yaml`, `recycle_instance.yaml` |
| bid | one in 5.5 s | `change_bid.yaml` |
| execute | one in 1.5 s | `execute.yaml` |
| search | 10 in 60 s | `search_offers.yaml`: "10 per minute per IP" |
| secrets | one in 5 s | `show_env_vars.yaml`: `endpoint threshold=5.0` |
| secrets_write | one in 3 s | `create_env_var.yaml`, and those of update and delete |
| keys, keys_write | one in 1 s, 2 s | `/auth/apikeys`: GET, POST and DELETE |
| launch | one in 5 s | `launch_instance` |
| templates | one in 3 s | `search_templates.yaml` |
| ssh_keys_write, instance_keys_write | one in 1 s, 2 s | `/ssh`: POST and PUT; `detach_ssh_key.yaml` |
| volumes, volumes_search, volumes_write | one in 5.5 s | `/volumes`: GET and DELETE; `/volumes/search` |
| `charges`, `invoices` | one in 1 s, 3 s | `show_charges.yaml`, `show_invoices.yaml` |

Users, logs and the v0 list have no documented limit, so there is none here. Only create has a documented penalty.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.user.rights import permit
from ert_deploy.sandbox.vast.wire import Refusal

OPEN = ("", "result", "gpu_names")
OWN = ("show", "manage", "destroy")


def key_of(request: Request) -> str | None:
    """Return the bearer token, or the value of the deprecated `api_key` parameter."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.one("api_key")


def authorize(estate: Estate, key: str, request: Request) -> None:
    """Raise `Refusal` unless the key of the request allows the operation. `key` is the account's."""
    if request.operation in OPEN:
        return
    given = key_of(request)
    if given is None:
        raise Refusal(403, "auth_error", "This action requires login.")
    if secrets.compare_digest(given.encode(), key.encode()):
        return
    if (limited := estate.user.keys.get(given)) is not None:
        permit(limited, request.operation)
        return
    contract = next((c for c in estate.live() if c.key == given), None)
    if contract is None:
        raise Refusal(404, "auth_error", "Invalid user key")
    _authorize_container(estate, contract, request)


def _authorize_container(estate: Estate, contract: Contract, request: Request) -> None:
    # F14
    if not estate.machines.alive(contract.id):
        raise Refusal(401, "auth_error", "Unable to authorize instance API key")
    own = request.operation in OWN and request.params.get("id") == str(contract.id)
    if not own or _wants_start(request):
        raise Refusal(403, "not_authorized", "This key may only show, stop and destroy its own instance.")


def _wants_start(request: Request) -> bool:
    try:
        body = request.json()
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("state") == "running"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in `seconds`, and none for `penalty` seconds after a rejection."""

    seconds: float
    calls: int = 1
    penalty: float = 0.0


# F13
LIMITS: Mapping[str, Limit] = {
    "search": Limit(60.0, calls=10),
    "create": Limit(4.5, penalty=12.0),
    "list": Limit(1.0),
    "show": Limit(2.0),
    "manage": Limit(1.0),
    "destroy": Limit(3.0),
    "reboot": Limit(1.0),
    "recycle": Limit(1.0),
    "bid": Limit(5.5),
    "execute": Limit(1.5),
    "secrets": Limit(5.0),
    "secrets_write": Limit(3.0),
    "keys": Limit(1.0),
    "keys_write": Limit(2.0),
    "launch": Limit(5.0),
    "templates": Limit(3.0),
    "ssh_keys_write": Limit(1.0),
    "instance_keys_write": Limit(2.0),
    "volumes": Limit(5.5),
    "volumes_search": Limit(5.5),
    "volumes_write": Limit(5.5),
    "charges": Limit(1.0),
    "invoices": Limit(3.0),
}


class Intervals:
    """The recent calls, by key and operation."""

    def __init__(self) -> None:
        self._let_through: dict[tuple[str, str], deque[float]] = {}
        self._held: dict[tuple[str, str], float] = {}

    def check(self, request: Request, now: float) -> Reply | None:
        """Return a 429 when the limit of the operation is exceeded, else None. `now` is in `WorldClock` seconds."""
        limit = LIMITS.get(request.operation)
        if limit is None:
            return None
        who = (key_of(request) or request.client, request.operation)
        recent = self._let_through.setdefault(who, deque(maxlen=limit.calls))
        full = len(recent) == limit.calls and now - recent[0] < limit.seconds
        if full or now < self._held.get(who, now):
            self._held[who] = max(self._held.get(who, now), now + limit.penalty)
            text = f"API requests too frequent endpoint threshold={limit.seconds / limit.calls}"
            return Reply.json({"detail": text}, 429)
        recent.append(now)
        return None
