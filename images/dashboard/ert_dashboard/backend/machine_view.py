"""State of the deployment by its agent: parses the body of its `/backend`, and checks its signature. No I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from ert_dashboard.backend import protocol
from ert_dashboard.base.secret import Secret

Phase = Literal["ready", "waking", "asleep", "gone", "failed", "unknown"]
Step = Literal["rent", "pull", "boot", "model_download", "load", "smoke_test"]
_VERSION = 1
_LONGEST_S, _DEAREST = 7 * 86_400.0, 10_000.0
_LAST = 1e11  # Unix time
GENERATIONS = 32  # keys of one machine, as in ert-deploy
_TOKEN_SHAPE, _MOST_GENERATIONS = re.compile(r"[0-9a-f]{32}"), 1000
_LONGEST_PEM = 64 * 1024


class NotBelieved(Exception):
    """Raised for a body that is not signed with the key, is of another deployment, or is older than one seen."""


@dataclass(frozen=True)
class MachineView:
    """State of the deployment. Times in seconds, money in US dollars, `progress` from 0 to 1; None is not known.

    The key of a machine is derived from `token` and `key_generation`; `token` None: it is not a derived one.
    `eta_s` has the median and the 95th percentile of the time until the backend is ready. `agreed_price` is that per
    hour at which the machine was rented, and `contract_ends` the Unix time at which the provider ends the contract.
    """

    phase: Phase
    generation: int
    step: Step | None = None
    progress: float | None = None
    eta_s: tuple[float, float] | None = None
    price_per_hour: float | None = None
    cost_to_ready: float | None = None
    url: str | None = None
    certificate: str | None = None
    reason: str = ""
    token: str | None = None
    key_generation: int = 0
    agreed_price: float | None = None
    contract_ends: float | None = None


def signature(key: Secret, nonce: str, body: bytes) -> str:
    """Return the value of `X-Ert-Signature` for these bytes."""
    signed = hmac.new(key.reveal().encode(), nonce.encode() + b"\n" + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def machine_key(secret: Secret, token: str, generation: int) -> Secret:
    """Return the key of a machine, as ert-deploy derives it."""
    message = f"ert machine key 1\n{token}\n{generation}".encode()
    digest = hmac.new(secret.reveal().encode(), message, hashlib.sha256).digest()
    return Secret("ert-" + base64.urlsafe_b64encode(digest[:24]).decode())


def read_view(body: Mapping[str, Any], deployment: str | None) -> MachineView:
    """Parse a body of version 1; raise `NotBelieved` for another version or deployment."""
    if body.get("version") != _VERSION or isinstance(body.get("version"), bool):
        raise NotBelieved("the agent speaks a version that this dashboard does not know")
    if deployment is not None and body.get("deployment") != deployment:
        raise NotBelieved("the agent told of another deployment")
    generation = body.get("generation")
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 0:
        raise NotBelieved("the agent told no generation of its state")
    return MachineView(
        phase=_one_of(body.get("phase"), Phase) or "unknown",
        generation=generation,
        step=_one_of(body.get("stage"), Step),
        progress=_amount(body.get("progress"), 1),
        eta_s=_eta(body.get("eta_seconds")),
        price_per_hour=_amount(body.get("price_per_hour_usd"), _DEAREST),
        cost_to_ready=_amount(body.get("cost_to_ready_usd"), _DEAREST),
        url=_text(body.get("url"), 300),
        certificate=_text(body.get("certificate"), _LONGEST_PEM),
        reason=protocol.error_text(body.get("reason")) or "",
        agreed_price=_amount(body.get("agreed_price_per_hour_usd"), _DEAREST),
        contract_ends=_amount(body.get("contract_ends"), _LAST),
        **_machine(body.get("machine")),
    )


def _machine(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    token, number = value.get("token"), value.get("key_generation")
    known = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MOST_GENERATIONS
    if not known or not isinstance(token, str) or not _TOKEN_SHAPE.fullmatch(token):
        return {}
    return {"token": token, "key_generation": number}


def _one_of(value: Any, among: Any) -> Any:
    return cast(Any, value) if isinstance(value, str) and value in get_args(among) else None


def _eta(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, Mapping):
        return None
    middle, late = _amount(value.get("p50"), _LONGEST_S), _amount(value.get("p95"), _LONGEST_S)
    return None if middle is None or late is None else (middle, max(middle, late))


def _amount(value: Any, most: float) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= most else None


def _text(value: Any, longest: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= longest else None
