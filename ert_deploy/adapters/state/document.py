"""State serialization: format, version, checksum, signature and state, independent of the store. It contains no secret.

It also describes lock holders. No I/O, except to determine the local user and host.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ert_deploy.adapters.state.signature import NO_KEY, StateKeys
from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.log.happened import LONGEST
from ert_deploy.core.model.plain.state import NEWEST, from_json, to_json
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder
from ert_deploy.core.model.text import printable

FORMAT = "ert-deploy state"
TOLD = ("tombstones", "denied")  # entries with a free-text reason, which may be copied from another system
REASON = 1000  # characters
MAX_BYTES = 4 * 1024 * 1024
MOST_WORDS = 300  # characters of an error message, which may quote a large part of the file
REBUILD = (
    "`ert-deploy state rebuild` renames it and creates a new one: instances are found by their marks, "
    "and no instance is rented twice"
)


def encode(state: State, keys: StateKeys = NO_KEY) -> bytes:
    """Serialize a state, signed if there is a key. Raise `UsageError` when the config requires a key and none is set.

    Secrets in text that was copied from a host are removed.
    """
    body = without_secrets(to_json(state))
    checksum = digest(body)
    version = body["version"]
    document = {"format": FORMAT, "version": version, "sha256": checksum, **keys.sign(version, checksum), "state": body}
    return json.dumps(document, indent=1).encode()


def without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON data of a state with secrets removed from its free text; ids and certificates are unchanged."""
    cleaned = {name: [{**row, "reason": printable(row["reason"], REASON)} for row in body[name]] for name in TOLD}
    cleaned["denied"] = [{**row, "evidence": printable(row["evidence"], REASON)} for row in cleaned["denied"]]
    cleaned["history"] = [{**row, "why": printable(row["why"], LONGEST)} for row in body["history"]]
    if body.get("replicas"):
        cleaned["replicas"] = [without_secrets(part) for part in body["replicas"]]
    return {**body, **cleaned}


def decode(raw: bytes, where: str, deployment: str, keys: StateKeys = NO_KEY) -> State:
    """Parse a state. Raise `Damaged` when it is corrupt, `UsageError` when it is newer or of another deployment."""
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("larger than any valid state")
        document = json.loads(raw, parse_constant=_no_number)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("not a state file of ert-deploy")
        _refuse_newer(document, where)
        checksum = digest(document.get("state"))
        if document.get("sha256") != checksum:
            raise ValueError("the checksum does not match")
        keys.verify(document, checksum, where)
        state = from_json(document["state"])
        if document.get("version") != document["state"]["version"]:
            raise ValueError("it names two versions")
    except (ValueError, RecursionError) as error:
        why = str(error)
        short = why if len(why) <= MOST_WORDS else why[:MOST_WORDS] + "..."
        raise Damaged(f"{where}: corrupt state file: {short}", hint=REBUILD) from error
    if state.deployment != deployment:
        raise UsageError(f"{where}: holds deployment {state.deployment!r}, not {deployment!r}")
    return state


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")


def digest(body: Any) -> str:
    """Return the SHA-256 of JSON data in hex, independent of spacing and key order."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def who() -> str:
    """Return `user@host` of this process, as shown to other operators."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def signed_events(state: State) -> State:
    """Return the state whose new events name this process' user and host."""
    if all(one.who for part in (state, *state.replicas) for one in part.history):
        return state
    own = who()

    def signed(part: State) -> State:
        return replace(part, history=tuple(one if one.who else replace(one, who=own) for one in part.history))

    return replace(signed(state), replicas=tuple(map(signed, state.replicas)))


def read_holder(raw: bytes | str) -> LockHolder | None:
    """Parse a `LockHolder`; return None if that fails."""
    try:
        held = json.loads(raw)
        expires = held.get("expires")
        return LockHolder(
            who=str(held["who"]),
            pid=int(held["pid"]),
            run=str(held["run"]),
            since=float(held["since"]),
            expires=None if expires is None else float(expires),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_holder(holder: LockHolder, **more: str) -> bytes:
    """Serialize a `LockHolder`; the inverse of `read_holder`."""
    known = {"run": holder.run, "who": holder.who, "pid": holder.pid, "since": int(holder.since)}
    return json.dumps({**known, "expires": holder.expires, **more}).encode()


def spoken(holder: LockHolder | None, zone: str = "UTC") -> str:
    """Format a `LockHolder` for a message, with the `zone` of its clock; empty if it is unknown."""
    if holder is None:
        return ""
    about = f"held by {holder.who}, process {holder.pid}, run {holder.run}" if holder.pid else f"held by {holder.who}"
    return f"{about}, since {moment(holder.since, zone)}" + (
        f", until {moment(holder.expires, zone)}" if holder.expires else ""
    )


def moment(at: float, zone: str = "UTC") -> str:
    """Format a time in UTC for a message; `zone` is that of the clock, to mark a date of a sandbox."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} {zone}"
    except (ValueError, OverflowError, OSError):
        return "an impossible time"


def _refuse_newer(document: dict[str, Any], where: str) -> None:
    version = document.get("version")
    if isinstance(version, int) and version > NEWEST:
        raise UsageError(
            f"{where}: written by a newer ert-deploy (state version {version}, this one reads {NEWEST})",
            hint="upgrade ert-deploy",
        )
