"""Protocol of a GPU cloud: the calls of a machine about itself, and what their responses mean. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ert_backend.base.activity import OffSwitch
from ert_backend.guard.rules import Action


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call: the path begins with `/` and is appended to the cloud's URL; `headers` hold the key."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        """Leave out the headers, which hold the key."""
        return f"Call({self.method} {self.path})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the order succeeded, and the message for the log. `refused`: the cloud does not know the key."""

    success: bool
    detail: str
    refused: bool = False


class Cloud(Protocol):
    """One GPU cloud. Every method is pure and raises nothing, whatever the environment or the response holds."""

    @property
    def name(self) -> str:
        """Its name in ERT_CLOUD."""
        ...

    @property
    def url(self) -> str:
        """The address of its API unless `url_variable` names another."""
        ...

    @property
    def url_variable(self) -> str:
        """The variable with the address of its API."""
        ...

    @property
    def key_variable(self) -> str:
        """The variable with the machine's own key. No other process of the container gets it."""
        ...

    def own_id(self, env: Mapping[str, str]) -> str:
        """Return the machine's id, fit for a URL; empty if the environment has none."""
        ...

    def order(self, action: Action, machine: str, key: str) -> Call:
        """Return the call that stops or destroys the machine."""
        ...

    def reading(self, machine: str, key: str) -> Call:
        """Return the call that reads the machine and changes nothing."""
        ...

    def judge(self, status: int, body: bytes) -> Outcome:
        """Parse the response to an order: success only if the cloud confirms it."""
        ...

    def judge_reading(self, status: int, body: bytes, machine: str) -> OffSwitch:
        """Parse the response to a reading: `proven` only by this machine, `refused` only for an unknown key."""
        ...


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `body`; None for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
