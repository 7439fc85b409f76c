"""The backend's administration of keys as it is spoken over HTTP: who may change them, what is sent, what comes back.

Nothing is sent from here. The token that may change keys follows from the boot secret; an app's key never is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ert_deploy.adapters.bounded_http import json_of
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import Rejected, StateConflict, Transient
from ert_deploy.core.model.keys import admin_token
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable

PATH = "/admin/keys"
HIGHEST = 2**53
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Refused for good: no such route (an older image), not our token, or not in the form it knows.
REFUSED = frozenset({401, 403, 404, 405, 422})


def headers(boot_secret: Secret) -> Mapping[str, str]:
    """What shows that the caller is who rented the machine. Rejected without a boot secret."""
    token = admin_token(boot_secret)
    if token is None:
        raise Rejected("there is no boot secret to ask it with")
    redaction.hold(token)
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def change(generation: int, hashes: tuple[str, ...]) -> bytes:
    """The body that puts these keys in force."""
    return json.dumps({"generation": generation, "hashes": list(hashes)}).encode()


def in_force(status: int, body: bytes) -> tuple[int, tuple[str, ...]]:
    """How often keys were set and their SHA-256, by an answer of the backend. Raises Rejected or Transient.

    An older backend names its keys by 8 digits alone: it has no hashes here.
    """
    if status in REFUSED:
        raise Rejected(_refused(status, body))
    try:
        shown = json_of(body)
    except ValueError:
        shown = None
    generation = shown.get("generation") if isinstance(shown, dict) else None
    if status == 200 and type(generation) is int and 0 <= generation < HIGHEST:
        keys = shown.get("keys") if isinstance(shown, dict) else None
        return generation, _hashes(keys) if isinstance(keys, list) else ()
    raise Transient(f"its keys could not be asked for: it answered {status}")


def _hashes(keys: list[object]) -> tuple[str, ...]:
    """What the list says of every key, or nothing."""
    said = [str(key.get("sha256")) if isinstance(key, dict) else "" for key in keys]
    return tuple(said) if all(_SHA256.fullmatch(digest) for digest in said) else ()


def check_changed(status: int, body: bytes) -> None:
    """Whether a change was taken. Raises StateConflict, Rejected or Transient."""
    if status == 409:
        raise StateConflict("the keys of the backend were changed by somebody else just now")
    in_force(status, body)


def _refused(status: int, body: bytes) -> str:
    return f"{PATH} answered {status}" + (f" ({printable(body.decode(errors='replace'), 80)})" if body else "")
