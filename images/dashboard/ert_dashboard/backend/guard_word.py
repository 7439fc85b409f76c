"""Last message of the guard on its machine: parses the message, and checks its signature and its time. No I/O."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ert_dashboard.base.machine import amount
from ert_dashboard.base.secret import Secret

State = Literal["stopping", "destroying"]
Reason = Literal["idle", "lifetime", "unclaimed", "not_ready", "budget", "unrecorded", "asked"]
LARGEST = 1024  # bytes
MOST_SIGNATURES = 8
FRESH_S = 300.0  # between its time and the clock of this process
_VERSION, _LONGEST_S, _LAST = 1, 3.2e9, 1e11
_HEX = frozenset("0123456789abcdef")
_TEXTS: Mapping[Reason, str] = {
    "idle": "it was idle for {}",
    "lifetime": "it has run for {}, its maximum lifetime",
    "unclaimed": "no app used it within {}",
    "not_ready": "it was not ready within {}",
    "budget": "its budget of {} was used up",
    "unrecorded": "its use of the budget could not be recorded",
}
_DID: Mapping[State, str] = {"stopping": "stopped", "destroying": "removed"}


@dataclass(frozen=True)
class GuardWord:
    """What the guard did, why, and the limit in seconds that it is due to, None without one; `at` in Unix seconds."""

    state: State
    reason: Reason
    seconds: float | None
    at: float
    run: str
    certificate: str

    def text(self) -> str:
        """Return it for the store."""
        return json.dumps(asdict(self))

    def line(self) -> str:
        """Return one line on what happened, for people."""
        if self.reason == "asked":
            return "the machine was told to end by its owner, its cloud or its host"
        why = _TEXTS[self.reason].format(_span(self.seconds or 0.0))
        return f"the machine {_DID[self.state]} itself: {why}"


def signature(key: Secret, body: bytes) -> str:
    """Return the part of `X-Ert-Signature` of a machine that is used with this API key."""
    derived = hmac.new(key.reveal().encode(), b"ert guard's last message 1", hashlib.sha256).hexdigest()
    return f"v1={hmac.new(derived.encode(), body, hashlib.sha256).hexdigest()}"


def signs(key: Secret, body: bytes, signed: str) -> bool:
    """Whether one of the signatures in `X-Ert-Signature` is by this API key; all are compared, at most 8 allowed."""
    own = signature(key, body).encode()
    given = signed.encode("utf-8", "replace").split(b",", MOST_SIGNATURES)
    same = [hmac.compare_digest(own, one.strip()) for one in given]
    return any(same) and len(given) <= MOST_SIGNATURES


def certificate_of(pem: str) -> str:
    """Return the SHA-256 of the certificate, as a machine names its own."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()


def read_word(body: Mapping[str, Any]) -> GuardWord | None:
    """Return the message; None if it is of another version, or a field cannot be used."""
    state, reason, at = body.get("state"), body.get("reason"), amount(body.get("at"), _LAST)
    seconds, run, certificate = body.get("seconds"), body.get("run"), body.get("certificate")
    known = state in get_args(State) and reason in get_args(Reason) and body.get("version") == _VERSION
    if not known or at is None or not _is_hex(run, 64) or not _is_hex(certificate, 64):
        return None
    if seconds is not None and (seconds := amount(seconds, _LONGEST_S)) is None:
        return None
    return GuardWord(state, reason, seconds, at, run, certificate)  # type: ignore[arg-type]


def stored_word(text: str) -> GuardWord | None:
    """Return a message as `GuardWord.text` wrote it; None for that of another release."""
    try:
        return read_word({"version": _VERSION, **json.loads(text)})
    except (ValueError, TypeError):
        return None


def _is_hex(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and _HEX.issuperset(value)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
