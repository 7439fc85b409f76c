"""Named troubles of the Vast double: what goes wrong on an offer, a machine, an instance or the account.

A trouble is a JSON object with `kind`, optional targets `instance_id`, `machine_id`, `offer_id` (none: everything),
and the fields of its kind. Times are world seconds. Troubles stay until `count` uses are over or they are cleared.

| kind | fields (default) | what happens |
|---|---|---|
| `pull_stalls` | `at` (0.37) | the image pull stops at this share; the same `status_msg` for ever |
| `pull_slow` | `factor` (20) | the image pull takes that many times as long |
| `pull_fails` | `message` ("manifest unknown") | `loading` with the message; the contract becomes stopped |
| `oci_failure` | | `created` with "OCI runtime create failed" in `status_msg` |
| `never_starts` | | provisioning never ends: `actual_status` stays null |
| `unreachable` | | `running`, but no process listens on the port |
| `no_container_key` | | the container gets no CONTAINER_API_KEY |
| `machine_env` | `env` ({}) | further variables for the machine's process |
| `ip_changes` | `to` ("127.0.0.2") | another `public_ipaddr` after the next start; PUBLIC_IPADDR inside stays old |
| `ports_change` | | other external ports after the next start |
| `status_lag` | `seconds` (60) | `actual_status` is this much behind |
| `flap` | `every` (20), `status` ("offline") | `actual_status` changes to and fro while the container serves |
| `row` | `set` ({}), `omit` ([]) | fields of the instance row replaced or left out |
| `list_lag` | `seconds` (30), `show` (false) | not listed (with `show`: nor shown) so long after creation |
| `ghost` | `seconds` (30) | still listed so long after it was destroyed |
| `list_partial` | `hide` (1) | the list leaves out the newest rows, and its counts agree with that |
| `no_such_ask` | `status` (410), `count` (1) | a create answers that the offer is gone, and nothing is rented |
| `insufficient_credit`, `spend_rate_limit` | `status` (400), `count` (1) | a create is refused for money |
| `create_error_with_contract` | `status` (400), `count` (1) | a create fails, a stopped instance exists |
| `created_stopped` | `count` (1) | a create succeeds, but the instance is stopped and never starts |
| `duplicate_create` | `count` (1) | a create makes two instances and names one |
| `late_create` | `seconds` (30), `reset` (true), `status`, `count` (1) | no answer; the instance comes so much later |
| `lost_create` | `reset` (true) or `status`, `count` (1) | no answer, and the instance exists at once |
| `rate_limit` | `operation` ("create"), `form` ("detail"), `retry_after`, `count` (1) | 429, see `admin` |
| `html` | `operation` ("list"), `status` (502), `count` (1) | an HTML page instead of JSON |
| `gpu_taken` | `seconds`, `aftermath` ("reverts"/"fires") | somebody else rents the GPU when or once it is free |
| `outbid` | `price` (999), `seconds` | a higher bid: interruptible instances stop until it ends or is overbid |
| `offline` | `seconds` | the host is lost, not billed; after `seconds` it is back |
| `crash` | | the container's process is killed: `exited` |
| `contract_end` | `seconds` (0) | the contract ends then: stopped for good, deleted 48 h later |
| `price` | `factor` (2) | what the host asks from now on, for new rentals; a contract keeps its price |
| `credit` | `value` (0) | the account's credit is set; at 0 everything is stopped |
| `tells` | `encoding` ("raw"), `texts` ([]) | `status_msg` and log repeat its variables, its token, and these texts |
| `calm` | `only` (all kinds) | standing troubles, and without `only` all faults to come, are switched off |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_deploy.sandbox.runtime.loopback import off_loopback
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.market import Ask

# Fields with their defaults; a kind not in the table is refused.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "pull_stalls": {"at": 0.37},
    "pull_slow": {"factor": 20.0},
    "pull_fails": {"message": "manifest unknown: manifest unknown"},
    "oci_failure": {},
    "never_starts": {},
    "unreachable": {},
    "no_container_key": {},
    "machine_env": {"env": {}},
    "ip_changes": {"to": "127.0.0.2", "count": 1},
    "ports_change": {"count": 1},
    "status_lag": {"seconds": 60.0},
    "flap": {"every": 20.0, "status": "offline"},
    "row": {"set": {}, "omit": []},
    "list_lag": {"seconds": 30.0, "show": False},
    "ghost": {"seconds": 30.0},
    "list_partial": {"hide": 1},
    "no_such_ask": {"status": 410, "count": 1},
    "insufficient_credit": {"status": 400, "count": 1},
    "spend_rate_limit": {"status": 400, "count": 1},
    "create_error_with_contract": {"status": 400, "count": 1},
    "created_stopped": {"count": 1},
    "duplicate_create": {"count": 1},
    "late_create": {"seconds": 30.0, "reset": True, "status": None, "count": 1},
    "lost_create": {"reset": True, "status": None, "count": 1},
    "rate_limit": {"operation": "create", "form": "detail", "retry_after": None, "count": 1},
    "html": {"operation": "list", "status": 502, "count": 1},
    "gpu_taken": {"seconds": None, "aftermath": None},
    "outbid": {"price": 999.0, "seconds": None},
    "offline": {"seconds": None},
    "crash": {},
    "contract_end": {"seconds": 0.0},
    "price": {"factor": 2.0},
    "credit": {"value": 0.0},
    "tells": {"encoding": "raw", "texts": []},
}
TARGETS = ("instance_id", "machine_id", "offer_id")
# Fields that name addresses, or hold values that may.
ADDRESSES = ("env", "set", "to")


@dataclass(slots=True)
class Trouble:
    """One trouble that is on. `left` counts the uses that remain, None = until it is cleared."""

    kind: str
    details: Mapping[str, Any]
    instance_id: int | None = None
    machine_id: int | None = None
    offer_id: int | None = None
    left: int | None = None
    told: int = 0

    def number(self, name: str) -> float:
        """A field that is a number."""
        return float(self.details[name])

    def hits(self, ask: Ask, contract: Contract | None) -> bool:
        """Whether its targets include this offer and instance."""
        return (
            self.machine_id in (None, ask.machine_id)
            and self.offer_id in (None, ask.id)
            and (self.instance_id is None or (contract is not None and contract.id == self.instance_id))
        )


def parse(value: Mapping[str, Any]) -> Trouble:
    """A trouble from its JSON object; ValueError says what is wrong with it."""
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in DEFAULTS:
        raise ValueError(f"unknown trouble {kind!r}; known: {', '.join(DEFAULTS)}")
    defaults = DEFAULTS[kind]
    details = {name: one for name, one in value.items() if name not in ("kind", *TARGETS)}
    unknown = sorted(set(details) - set(defaults) - {"count"})
    if unknown:
        raise ValueError(f"{kind} has no field {', '.join(unknown)}")
    _stay_on_loopback(kind, details)
    count = details.get("count", defaults.get("count"))
    targets = {name: int(value[name]) for name in TARGETS if value.get(name) is not None}
    return Trouble(kind, {**defaults, **details}, left=None if count is None else int(count), **targets)


def _stay_on_loopback(kind: str, details: Mapping[str, Any]) -> None:
    for name in ADDRESSES:
        value = details.get(name, {})
        elsewhere = off_loopback(value if isinstance(value, Mapping) else {"address": value})
        if elsewhere:
            raise ValueError(f"{kind} leads off loopback: {', '.join(elsewhere)}; hint: use an address on 127.0.0.1")


class Troubles:
    """The troubles that are on. Not locked: the caller holds the lock of the double."""

    def __init__(self) -> None:
        self._on: list[Trouble] = []

    def add(self, trouble: Trouble) -> None:
        """Switch one on."""
        self._on.append(trouble)

    def clear(self, kind: str | None = None) -> None:
        """Switch all off, or all of one kind."""
        self._on = [t for t in self._on if kind is not None and t.kind != kind]

    def pending(self) -> list[dict[str, Any]]:
        """What is on, for a status page."""
        return [{"kind": t.kind, "left": t.left, **{n: getattr(t, n) for n in TARGETS}} for t in self._on]

    def on(self, kind: str, contract: Contract) -> Trouble | None:
        """The trouble of this kind that an instance has, without using it up."""
        return self._find(kind, contract.ask, contract)

    def use(self, kind: str, ask: Ask, contract: Contract | None = None) -> Trouble | None:
        """The trouble of this kind for an offer (and instance); one of its uses is over."""
        found = self._find(kind, ask, contract)
        if found is not None and found.left is not None:
            found.left -= 1
            if found.left <= 0:
                self._on.remove(found)
        return found

    def any(self, kind: str) -> Trouble | None:
        """The first trouble of this kind, whatever its target."""
        return next((t for t in self._on if t.kind == kind), None)

    def _find(self, kind: str, ask: Ask, contract: Contract | None) -> Trouble | None:
        return next((t for t in self._on if t.kind == kind and t.hits(ask, contract)), None)
