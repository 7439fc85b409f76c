"""Custody by the keyring of the operating system (Keychain, Secret Service, KWallet): the one import of `keyring`.

A backend that stores in the clear, or none at all, is refused: `keyring` gives those a priority below 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ert_deploy.adapters.custody.document import decode, encode
from ert_deploy.adapters.extras import part_of
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.secret import Secret

SERVICE = "ert-deploy"
_LEAST_PRIORITY = 1
_OTHERWISE = "unlock or install one (`keyring diagnose` names it), or set keys/custody: file"


class KeyringCustody:
    """Keeps the values of a service as one password, named by deployment and service. `backend` is the system's."""

    def __init__(self, deployment: str, backend: Any = None) -> None:
        with part_of("keyring", "keys/custody: keyring"):
            import keyring
            from keyring.errors import KeyringError
        self._deployment = deployment
        self._errors: tuple[type[Exception], ...] = (KeyringError,)
        self._backend = keyring.get_keyring() if backend is None else backend

    def kept(self, service_id: str) -> Mapping[str, Secret]:
        """Return what is kept for a service, or nothing. Raise `UsageError` when the keyring cannot be read."""
        self._must_be_safe()
        try:
            text = self._backend.get_password(SERVICE, self._name(service_id))
        except self._errors as error:
            raise UsageError(f"the keyring cannot be read: {type(error).__name__}", hint=_OTHERWISE) from None
        return decode(text, f"the keyring's entry {self._name(service_id)}") if text else {}

    def keep(self, service_id: str, values: Mapping[str, Secret]) -> None:
        """Replace what is kept for a service; without values there is no entry. Raise `Failed` or `UsageError`."""
        self._must_be_safe()
        try:
            if values:
                self._backend.set_password(SERVICE, self._name(service_id), encode(values))
            elif self._backend.get_password(SERVICE, self._name(service_id)) is not None:
                self._backend.delete_password(SERVICE, self._name(service_id))
        except self._errors as error:
            # Its text is the backend's own, and may repeat what it was given.
            raise Failed(f"the keyring cannot be written: {type(error).__name__}", hint=_OTHERWISE) from None

    def _name(self, service_id: str) -> str:
        return f"{self._deployment}/{service_id}"

    def _must_be_safe(self) -> None:
        if self._backend.priority < _LEAST_PRIORITY:
            raise UsageError("this machine has no keyring that keeps secrets", hint=_OTHERWISE)
