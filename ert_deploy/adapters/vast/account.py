"""The account behind an API key: who it is, what is left to spend, and the variables it puts into every container.

All of it takes the right `user_read`, which a key may do without: it also reads the values of those variables. Such a
key is then known by a hash of itself, and its account's credit by nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import requests

from ert_deploy.adapters.vast import errors, parse
from ert_deploy.adapters.vast.rate_limits import UNKNOWN
from ert_deploy.adapters.vast.session import Session
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.accounts import BY_KEY
from ert_deploy.ports import Account, Clock

T = TypeVar("T")
HASHED = 16  # hexadecimal digits of a key's hash: enough to tell keys apart, and no way back to one


class Read(Protocol):
    """How a read is repeated and paced; raises CannotObserve where it keeps failing, UsageError for a bad key."""

    def __call__(self, operation: str, what: str, call: Callable[[], T]) -> T:
        """Run the call of this operation; `what` names it in messages."""


class AccountReader:
    """What one key may read about its account."""

    def __init__(self, api_key: Secret, session: Session, clock: Clock, read: Read) -> None:
        self._session = session
        self._clock = clock
        self._read = read
        self._api_key = api_key
        self._known: tuple[float, Account | None] = 0.0, None

    def account(self) -> Account:
        """Who we are and what is left to spend; asked again sooner than the limit allows, as of the last answer."""
        at, known = self._known
        if known is not None and 0 <= self._clock.steady() - at < UNKNOWN.seconds:
            return known
        said = self._read("user", "account", lambda: _allowed(self._session.sdk.show_user))
        known = _by_key(self._api_key) if said is None else parse.account(said)
        self._known = self._clock.steady(), known
        return known

    def variables(self) -> tuple[str, ...] | None:
        """The names of the account's variables, None where the key may not read them. No value leaves this module."""
        said = self._read("secrets", "variables of the account", lambda: _allowed(self._variables))
        return None if said is None else parse.variable_names(said)

    def _variables(self) -> Any:
        response: requests.Response = self._session.sdk.client.get("/secrets/")
        response.raise_for_status()
        return response.json()


def _allowed(call: Callable[[], Any]) -> Any:
    """What the call gives, or None where the key lacks the right to it; what an unknown key is answered is raised."""
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
