"""The signature of a stored state: an HMAC with a key that only its operators have, whatever the state is stored in.

Without a key nothing is signed, and whoever can write the state is believed. With one, what bears no signature or
another one is refused. An older document that was signed once is authentic for ever: that it is old cannot be seen.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.secret import Secret

FIELD = "hmac_sha256"
UNSIGNED = (
    "if it was never signed, `ert-deploy state sign` shows what it knows and signs it. If it was, somebody without "
    "the key wrote it: `ert-deploy state rebuild` begins a new one from the marks of the instances"
)
OTHER = (
    "after a change of keys: `ert-deploy state sign` with the former one in ERT_STATE_KEY_OLD. "
    "Else somebody without the key wrote it: `ert-deploy state rebuild` begins a new one by the marks of the instances"
)
KEYLESS = (
    "set ERT_STATE_KEY to the key it was signed with; without that key, `ert-deploy down` goes by the marks of the "
    "instances, and `ert-deploy state rebuild` with a new key begins a new state"
)


@dataclass(frozen=True, slots=True)
class StateKeys:
    """What a state is signed with, and what is believed.

    `former` is believed, too, and so is `unsigned` what bears no signature: while a person signs it. `lacking` is why
    the key that the config asks for is not there; nothing is read or written without it then.
    """

    key: Secret | None = None
    former: Secret | None = None
    unsigned: bool = False
    lacking: UsageError | None = None

    def sign(self, version: int, digest: str) -> dict[str, str]:
        """What is added to a document of that version and digest of its state; nothing without a key. UsageError."""
        if self.lacking is not None:
            raise self.lacking
        return {} if self.key is None else {FIELD: _hmac(self.key, version, digest)}

    def verify(self, document: dict[str, Any], digest: str, where: str) -> None:
        """Raise Damaged unless the document is authentic, and UsageError where there is no key to know it by."""
        if self.lacking is not None:
            raise self.lacking
        signature, version = document.get(FIELD), document.get("version")
        keys = [key for key in (self.key, self.former) if key is not None]
        if signature is None:
            if keys and not self.unsigned:
                raise Damaged(f"{where}: is not signed, and a state key is set", hint=UNSIGNED)
            return
        if not keys:
            raise UsageError(f"{where}: is signed, and no state key is set", hint=KEYLESS)
        found = signature.encode(errors="replace") if isinstance(signature, str) else b""
        if not any(hmac.compare_digest(_hmac(key, version, digest).encode(), found) for key in keys):
            raise Damaged(f"{where}: its signature is not of this state key", hint=OTHER)


def _hmac(key: Secret, version: object, digest: str) -> str:
    message = f"ert-deploy state\n{version}\n{digest}".encode()
    return hmac.new(key.reveal().encode(), message, hashlib.sha256).hexdigest()


NO_KEY = StateKeys()
