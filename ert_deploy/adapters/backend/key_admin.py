"""Key administration of the backend over HTTP: builds headers and bodies, handles responses. No I/O.

The token that may change the keys is derived from the boot secret; an app's API key never has that right.
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

PATH, LIMITS_PATH, BUDGET_PATH = "/admin/keys", "/admin/limits", "/admin/budget"
LIMITS = ("idle_stop", "boot_deadline", "max_lifetime")
HIGHEST = 2**53
Request = tuple[str, str, bytes]  # method, path, body
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Permanent failures: no such route (an older image), a wrong token, or an unsupported request body.
REFUSED = frozenset({401, 403, 404, 405, 422})


def headers(boot_secret: Secret) -> Mapping[str, str]:
    """Return the headers that authenticate the owner of the machine. Raise `Rejected` without a boot secret."""
    token = admin_token(boot_secret)
    if token is None:
        raise Rejected("the boot secret is missing")
    redaction.hold(token)
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def change(generation: int, hashes: tuple[str, ...]) -> bytes:
    """Return the request body that sets these keys."""
    return json.dumps({"generation": generation, "hashes": list(hashes)}).encode()


def in_force(status: int, body: bytes) -> tuple[int, tuple[str, ...]]:
    """Return the generation of the keys and their SHA-256 hashes from a response of the backend.

    An older backend, which identifies its keys by 8 digits only, has no hashes. Raises `Rejected` or `Transient`.
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
    raise Transient(f"its keys could not be read: HTTP {status}")


def _hashes(keys: list[object]) -> tuple[str, ...]:
    """Return the SHA-256 of every key in the list, or an empty tuple if one has no valid digest."""
    said = [str(key.get("sha256")) if isinstance(key, dict) else "" for key in keys]
    return tuple(said) if all(_SHA256.fullmatch(digest) for digest in said) else ()


def check_changed(status: int, body: bytes) -> None:
    """Check that a key change was accepted. Raise `StateConflict`, `Rejected` or `Transient` if it was not."""
    if status == 409:
        raise StateConflict("the keys of the backend were changed by another run")
    in_force(status, body)


def limits_change(limits: tuple[int, int, int], *, in_use: bool = False) -> bytes:
    """Return the request body that sets idle stop, boot deadline and lifetime, in seconds.

    `in_use`: the idle time is to begin again.
    """
    more = {"in_use": True} if in_use else {}
    return json.dumps(dict(zip(LIMITS, limits, strict=True)) | more).encode()


def to_limits(limits: tuple[int, int, int]) -> Request:
    """Return the request that sets these limits."""
    return "PUT", LIMITS_PATH, limits_change(limits)


def to_use(limits: tuple[int, int, int]) -> Request:
    """Return the request that leaves these limits, and begins the idle time again."""
    return "PUT", LIMITS_PATH, limits_change(limits, in_use=True)


def check_limits(status: int, body: bytes, limits: tuple[int, int, int]) -> None:
    """Check that a backend has taken these limits. Raise `Rejected` or `Transient` if it has not."""
    if status in REFUSED:
        raise Rejected(_refused(status, body, LIMITS_PATH))
    try:
        shown = json_of(body)
    except ValueError:
        shown = None
    if status != 200 or limits_in(shown) != limits:
        raise Transient(f"its limits could not be set: HTTP {status}")


def budget_change(seconds: int, serial: int) -> bytes:
    """Return the request body that sets for how long the machine may run."""
    return json.dumps({"seconds": seconds, "serial": serial}).encode()


def to_budget(seconds: int, serial: int) -> Request:
    """Return the request that sets for how long the machine may run."""
    return "PUT", BUDGET_PATH, budget_change(seconds, serial)


def check_budget(status: int, body: bytes) -> None:
    """Check that a backend has taken its budget. Raise `Rejected` or `Transient` if it has not."""
    if status in REFUSED:
        raise Rejected(_refused(status, body, BUDGET_PATH))
    if status != 200:
        raise Transient(f"its budget could not be set: HTTP {status}")


def limits_in(shown: object) -> tuple[int, int, int] | None:
    """Return the limits in a JSON object of a backend; None unless all three are whole numbers of seconds."""
    found = [shown.get(name) for name in LIMITS] if isinstance(shown, dict) else []
    whole = [value for value in found if type(value) is int and 0 <= value < HIGHEST]
    return (whole[0], whole[1], whole[2]) if len(whole) == len(LIMITS) else None


def _refused(status: int, body: bytes, path: str = PATH) -> str:
    return f"{path} answered {status}" + (f" ({printable(body.decode(errors='replace'), 80)})" if body else "")
