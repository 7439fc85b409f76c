"""Vast account: fetches the identity, the remaining credit and the variables that are set in every container.

All of these need the right `user_read`, which also gives access to the values of the variables, so a key may not have
it. The account is then identified by a hash of the key, and its credit is unknown.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import requests

from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.accounts import BY_KEY
from ert_deploy.ports import Account, Clock
from ert_deploy.providers.vast import errors, parse
from ert_deploy.providers.vast.rate_limits import UNKNOWN
from ert_deploy.providers.vast.session import Session

T = TypeVar("T")
HASHED = 16  # hexadecimal digits of a key's hash: enough to distinguish keys, too few to recover one


class Read(Protocol):
    """Retries and paces a read. Raises `CannotObserve` when it keeps failing, `UsageError` for an invalid key."""

    def __call__(self, operation: str, what: str, call: Callable[[], T]) -> T:
        """Run `call` as this operation; `what` describes it in messages."""


class AccountReader:
    """Reads the account of one API key."""

    def __init__(self, api_key: Secret, session: Session, clock: Clock, read: Read) -> None:
        self._session = session
        self._clock = clock
        self._read = read
        self._api_key = api_key
        self._known: tuple[float, Account | None] = 0.0, None

    def account(self) -> Account:
        """Return the account, cached for the duration of the rate limit. Raise `CannotObserve` or `UsageError`."""
        at, known = self._known
        if known is not None and 0 <= self._clock.steady() - at < UNKNOWN.seconds:
            return known
        said = self._read("user", "account", lambda: allowed(self._session.sdk.show_user))
        known = _by_key(self._api_key) if said is None else parse.account(said)
        self._known = self._clock.steady(), known
        return known

    def variables(self) -> tuple[str, ...] | None:
        """Return the names of the account's variables, or None without the right to read them. Values are dropped."""
        said = self._read("secrets", "variables of the account", lambda: allowed(self._variables))
        return None if said is None else parse.variable_names(said)

    def _variables(self) -> Any:
        response: requests.Response = self._session.sdk.client.get("/secrets/")
        response.raise_for_status()
        return response.json()


def allowed(call: Callable[[], Any]) -> Any:
    """Return the result of `call`, or None without the required right; the error for an invalid key is raised."""
    try:
        return call()
    except requests.HTTPError as error:
        status, body = error.response.status_code, errors.body_of(error.response)
        if status == requests.codes.forbidden or (status in errors.FORBIDDEN and not _about_key(body)):
            return None
        raise


def _about_key(body: Mapping[str, Any]) -> bool:
    return body.get("error") == "auth_error"


def _by_key(api_key: Secret) -> Account:
    digest = hashlib.sha256(b"ert-deploy, account of a key\0" + api_key.reveal().encode()).hexdigest()
    return Account(credit=math.inf, email="", id=f"{BY_KEY}{digest[:HASHED]}")
