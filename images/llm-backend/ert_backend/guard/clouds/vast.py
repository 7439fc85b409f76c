"""Vast.ai as the guard knows it: stop, destroy and show the own instance (docs.vast.ai, instances API). No I/O.

The key is the instance's own and is sent in one header only. Only a complete response with `success: true` is success.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ert_backend.base.activity import OffSwitch
from ert_backend.guard.clouds.cloud import Call, Outcome, json_object
from ert_backend.guard.rules import Action

_AUTH_ERROR = "auth_error"


class Vast:
    """Implements `Cloud` for Vast.ai."""

    name = "vast"
    url = "https://console.vast.ai"
    url_variable = "ERT_VAST_API"
    key_variable = "CONTAINER_API_KEY"

    def own_id(self, env: Mapping[str, str]) -> str:
        """Return CONTAINER_ID, or the number in Vast's container label `C.<id>`."""
        for text in (env.get("CONTAINER_ID", ""), env.get("VAST_CONTAINERLABEL", "").strip().removeprefix("C.")):
            if re.fullmatch(r"\d{1,18}", text.strip()):
                return text.strip()
        return ""

    def order(self, action: Action, machine: str, key: str) -> Call:
        """Return the PUT that stops the instance or the DELETE that destroys it."""
        method, body = ("PUT", b'{"state": "stopped"}') if action is Action.STOP else ("DELETE", b"{}")
        return Call(method, f"/api/v0/instances/{machine}/", _headers(key), body)

    def reading(self, machine: str, key: str) -> Call:
        """Return the GET that shows the instance."""
        return Call("GET", f"/api/v0/instances/{machine}/?owner=me", _headers(key))

    def judge(self, status: int, body: bytes) -> Outcome:
        """Parse the response to an order: success requires status 200 and a JSON object whose `success` is true."""
        value = json_object(body)
        if value is None:
            return Outcome(False, f"status {status} with something that is not a JSON object")
        said = value.get("success")
        done = status == 200 and said is True
        return Outcome(
            done, f"status {status}, success {said is True}", refused=not done and _unknown_key(status, value)
        )

    def judge_reading(self, status: int, body: bytes, machine: str) -> OffSwitch:
        """Parse a reading: `proven` only by the own instance, `refused` only for an unknown key."""
        value = json_object(body) or {}
        shown = value.get("instances")
        if status == 200 and isinstance(shown, dict) and str(shown.get("id")) == machine:
            return OffSwitch.PROVEN
        return OffSwitch.REFUSED if _unknown_key(status, value) else OffSwitch.UNKNOWN


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def _unknown_key(status: int, value: dict[str, Any]) -> bool:
    """Whether the provider does not know the key, as opposed to a key without permission.

    Vast returns 401, 403 or 404 with `auth_error`, depending on the error in the key.
    """
    return status in (401, 403, 404) and value.get("error") == _AUTH_ERROR
