"""API keys of a Vast account: create, list and delete. Source: API keys and permissions in Vast's docs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, Failed, Transient
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock
from ert_deploy.providers.vast import errors
from ert_deploy.providers.vast.session import CALL_TIMEOUT, Session

T = TypeVar("T")
LEAST = ("misc", "instance_read", "instance_write")  # what `up`, `wake`, `down` and the rest need (docs/keys.md)
PATH = "/auth/apikeys/"
APART = 3.0  # seconds between two of these calls, above the documented limits


class VastKeys:
    """The keys of the account that `admin` belongs to; it needs the permissions `user_read` and `user_write`."""

    def __init__(self, admin: Secret, server_url: str, clock: Clock) -> None:
        self._clock = clock
        self._session = Session(admin, server_url, clock, CALL_TIMEOUT)

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the keys with exactly that name. Raise `UsageError`, `CannotObserve` or `Failed`."""
        data = self._once("list of API keys", lambda: self._session.sdk.client.get(PATH, query_args={}))
        rows = data.get("apikeys") if isinstance(data, dict) else data
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise CannotObserve("Vast.ai returned no list of API keys")
        return tuple(str(row["id"]) for row in rows if row.get("name") == name)

    def create(self, name: str) -> tuple[str, Secret]:
        """Create a key with the least permissions; return its id and value. Raise like `named`."""
        body = {"name": name, "permissions": {"api": {scope: {} for scope in LEAST}}}
        made = self._once("new API key", lambda: self._session.sdk.client.post(PATH, json_data=body))
        value = made.get("key") if isinstance(made, dict) else None
        if not isinstance(value, str) or len(value) < 16 or "id" not in made:
            raise CannotObserve("Vast.ai returned no new API key", hint="its console lists the keys of the account")
        redaction.hold(value)
        return str(made["id"]), Secret(value)

    def delete(self, key_id: str) -> None:
        """Delete a key, which is invalid from now on. Raise like `named`."""
        self._once("deletion of an API key", lambda: self._session.sdk.client.delete(f"{PATH}{int(key_id)}/"))

    def _once(self, what: str, call: Callable[[], Any]) -> Any:
        """Send one request and return its JSON. Not repeated: a second key would remain unknown."""

        def ask() -> Any:
            response = call()
            response.raise_for_status()
            return response.json()

        try:
            return errors.reading(what, ask)
        except Transient as error:
            raise Failed(printable(error.summary), error.detail, error.hint) from None
        finally:
            self._clock.sleep(APART)
