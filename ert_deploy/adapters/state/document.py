"""The document a state is stored as, whatever it is stored in: format, version, checksum, signature, state. No secret.

Also says who we are, for locks. It reads and writes nothing itself.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from datetime import UTC, datetime
from typing import Any

from ert_deploy.adapters.state.signature import NO_KEY, StateKeys
from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.plain.state import VERSION, from_json, to_json
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder
from ert_deploy.core.model.text import printable

FORMAT = "ert-deploy state"
TOLD = ("tombstones", "denied")  # what gives a reason in words, which may be somebody else's
REASON = 1000  # characters
MAX_BYTES = 4 * 1024 * 1024
MOST_WORDS = 300  # characters of what is wrong with it: it may be all of it
REBUILD = (
    "`ert-deploy state rebuild` moves it aside and begins a new one: instances are found by the marks they carry, "
    "and nothing is rented twice"
)


def encode(state: State, keys: StateKeys = NO_KEY) -> bytes:
    """The document of a state, signed where there is a key. UsageError where one is wanted and is not there.

    What a host said in it is stored without any secret that it repeated.
    """
    body = without_secrets(to_json(state))
    checksum = digest(body)
    document = {"format": FORMAT, "version": VERSION, "sha256": checksum, **keys.sign(VERSION, checksum), "state": body}
    return json.dumps(document, indent=1).encode()


def without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    """The plain data of a state with its free text cleaned; ids, tokens and certificates are what they are."""
    cleaned = {name: [{**row, "reason": printable(row["reason"], REASON)} for row in body[name]] for name in TOLD}
    return {**body, **cleaned}


def decode(raw: bytes, where: str, deployment: str, keys: StateKeys = NO_KEY) -> State:
    """The state in a document. Damaged when it cannot be trusted, UsageError when it is newer or somebody else's."""
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("larger than any state of ours")
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
        raise Damaged(f"{where}: damaged state file: {short}", hint=REBUILD) from error
    if state.deployment != deployment:
        raise UsageError(f"{where}: holds deployment {state.deployment!r}, not {deployment!r}")
    return state


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no finite number")


def digest(body: Any) -> str:
    """Hex SHA-256 of plain data, whatever its spacing and order."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def who() -> str:
    """`user@host`, as other operators know us."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def read_holder(raw: bytes | str) -> LockHolder | None:
    """Who a lock's text names; None when it names nobody."""
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
    """The text of a lock; `read_holder` of it is equal to the holder."""
    known = {"run": holder.run, "who": holder.who, "pid": holder.pid, "since": int(holder.since)}
    return json.dumps({**known, "expires": holder.expires, **more}).encode()


def spoken(holder: LockHolder | None) -> str:
    """Who holds it and since when, in words; empty for nobody we can name."""
    if holder is None:
        return ""
    about = f"held by {holder.who}, process {holder.pid}, run {holder.run}" if holder.pid else f"held by {holder.who}"
    return f"{about}, since {moment(holder.since)}" + (f", until {moment(holder.expires)}" if holder.expires else "")


def moment(at: float) -> str:
    """A time as people write it, in UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "an impossible time"


def _refuse_newer(document: dict[str, Any], where: str) -> None:
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{where}: written by a newer ert-deploy (state version {version}, this one reads {VERSION})",
            hint="upgrade ert-deploy",
        )
