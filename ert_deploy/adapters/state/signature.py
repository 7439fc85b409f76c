"""State signature: an HMAC with a key that only the operators of the deployment have, independent of the store.

Without a key, states are not signed, and any state in the store is accepted. With a key, a state without a valid
signature is rejected. An old state with a valid signature is always accepted: a replay is not detected.
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
    "if it was never signed, `ert-deploy state sign` prints its contents and signs it. If it was, another party "
    "wrote it without the key: `ert-deploy state rebuild` creates a new one from the marks of the instances"
)
OTHER = (
    "after a change of keys: `ert-deploy state sign` with the former one in ERT_STATE_KEY_OLD. "
    "Otherwise another party wrote it: `ert-deploy state rebuild` creates a new one from the marks of the instances"
)
KEYLESS = (
    "set ERT_STATE_KEY to the key it was signed with; without that key, `ert-deploy down` uses the marks of the "
    "instances, and `ert-deploy state rebuild` with a new key creates a new state"
)


@dataclass(frozen=True, slots=True)
class StateKeys:
    """The key for signing, and the keys accepted in verification.

    `former` is also accepted, and with `unsigned` a state without a signature, while an operator signs it. `lacking` is
    the error if the config requires a key that is not set; loading and saving then fail.
    """

    key: Secret | None = None
    former: Secret | None = None
    unsigned: bool = False
    lacking: UsageError | None = None

    def sign(self, version: int, digest: str) -> dict[str, str]:
        """Return the signature field for a state; empty without a key. Raise `UsageError` if a key is required."""
        if self.lacking is not None:
            raise self.lacking
        return {} if self.key is None else {FIELD: _hmac(self.key, version, digest)}

    def verify(self, document: dict[str, Any], digest: str, where: str) -> None:
        """Verify the signature of a state. Raise `Damaged` if it is wrong, `UsageError` if there is no key."""
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
