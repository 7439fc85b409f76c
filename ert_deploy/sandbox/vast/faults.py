"""Faults of Vast: failures of an offer, a machine, an instance or the account.

A fault is a JSON object with `kind`, the optional targets `instance_id`, `machine_id` and `offer_id` (none: all), and
the fields of its kind. Times are in `WorldClock` seconds. A fault is active until it has been used `count` times, or
until it is cleared.

| kind | fields (default) | effect |
|---|---|---|
| `pull_stalls` | `at` (0.37) | the image download stops at this fraction; `status_msg` does not change any more |
| `pull_slow` | `factor` (20) | the image download is slower by this factor |
| `pull_fails` | `message` ("manifest unknown") | `loading` with this message; the instance is stopped |
| `oci_failure` | | `created` with "OCI runtime create failed" in `status_msg` |
| `never_starts` | | provisioning never completes: `actual_status` remains null |
| `unreachable` | | `running`, but no server listens on the port |
| `no_container_key` | | CONTAINER_API_KEY is not set in the container |
| `machine_env` | `env` ({}) | additional variables of the machine |
| `ip_changes` | `to` ("127.0.0.2"), `count` (1) | new `public_ipaddr` after the next start, but not in PUBLIC_IPADDR |
| `ports_change` | `count` (1) | new external ports after the next start |
| `status_lag` | `seconds` (60) | `actual_status` is delayed |
| `flap` | `every` (20), `status` ("offline") | `actual_status` alternates while the container is running |
| `row` | `set` ({}), `omit` ([]) | replaces or removes fields of the instance row |
| `list_lag` | `seconds` (30), `show` (false) | not listed (with `show`: nor shown) for this time after creation |
| `ghost` | `seconds` (30) | still listed for this time after deletion |
| `list_partial` | `hide` (1) | the newest rows are not in the list and its counts |
| `no_such_ask` | `status` (410), `count` (1) | a create returns that the offer does not exist; no instance is created |
| `insufficient_credit`, `spend_rate_limit` | `status` (400), `count` (1) | a create fails for lack of money |
| `create_error_with_contract` | `status` (400), `count` (1) | a create fails, but leaves a stopped instance |
| `created_stopped` | `count` (1) | a create succeeds, but the instance is stopped and never started |
| `duplicate_create` | `count` (1) | a create makes two instances and returns one id |
| `late_create` | `seconds` (30), `reset` (true), `status`, `count` (1) | no response; the instance is created later |
| `lost_create` | `reset` (true) or `status`, `count` (1) | no response, but the instance is created at once |
| `rate_limit` | `operation` ("create"), `form` ("detail"), `retry_after`, `count` (1) | 429, see `admin` |
| `html` | `operation` ("list"), `status` (502), `count` (1) | an HTML page instead of JSON |
| `gpu_taken` | `seconds`, `aftermath` ("reverts"/"fires") | another user rents the GPU, once it is available |
| `outbid` | `price` (999), `seconds` | a higher bid: instances with a bid are stopped until it ends or is exceeded |
| `offline` | `seconds` | the host is offline and costs nothing, for `seconds` if given |
| `crash` | | kills the process of the container: `exited` |
| `contract_end` | `seconds` (0) | the end date: the instance is then stopped, and deleted 48 h later |
| `price` | `factor` (2) | changes the price of an offer for new instances; existing ones keep theirs |
| `price_increase` | `factor` (1.3), `days` (30) | the host offers to prolong the contract at a higher price |
| `market` | fields of `conditions.knobs`, by default as people meet it | changes the conditions of the market |
| `credit` | `value` (0) | sets the credit of the account; at 0 all instances are stopped |
| `tells` | `encoding` ("raw"), `texts` ([]) | `status_msg` and log contain its environment, its token and `texts` |
| `calm` | `only` (all kinds) | clears active faults and, without `only`, pending faults of the server |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ert_deploy.sandbox.runtime.loopback import off_loopback
from ert_deploy.sandbox.vast.conditions.knobs import AS_MET
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.market import Ask

# Fields with their defaults; an unknown kind is rejected.
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
    # F31
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
    "price_increase": {"factor": 1.3, "days": 30.0},
    "market": asdict(AS_MET),
    "credit": {"value": 0.0},
    "tells": {"encoding": "raw", "texts": []},
}
# Those that have no end, because they only happen.
AT_ONCE = frozenset({"crash", "contract_end", "price", "price_increase", "credit"})
TARGETS = ("instance_id", "machine_id", "offer_id")
# Fields that contain addresses, or may contain them.
ADDRESSES = ("env", "set", "to")


@dataclass(slots=True)
class Trouble:
    """One active fault. `left` is the number of remaining uses, None = until it is cleared."""

    kind: str
    details: Mapping[str, Any]
    instance_id: int | None = None
    machine_id: int | None = None
    offer_id: int | None = None
    left: int | None = None
    told: int = 0

    def number(self, name: str) -> float:
        """Return a numeric field."""
        return float(self.details[name])

    def hits(self, ask: Ask, contract: Contract | None) -> bool:
        """Whether its targets include this offer and instance."""
        return (
            self.machine_id in (None, ask.machine_id)
            and self.offer_id in (None, ask.id)
            and (self.instance_id is None or (contract is not None and contract.id == self.instance_id))
        )


def parse(value: Mapping[str, Any]) -> Trouble:
    """Parse a fault from a JSON object. Raises `ValueError` if it is invalid."""
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
            raise ValueError(f"{kind} is not on loopback: {', '.join(elsewhere)}; hint: use an address on 127.0.0.1")


class Troubles:
    """The active faults. Not thread-safe: the caller must have acquired the lock of the account."""

    def __init__(self) -> None:
        self._on: list[Trouble] = []

    def add(self, trouble: Trouble) -> None:
        """Activate a fault."""
        self._on.append(trouble)

    def clear(self, kind: str | None = None) -> None:
        """Clear all faults, or all of one kind."""
        self._on = [t for t in self._on if kind is not None and t.kind != kind]

    def pending(self) -> list[dict[str, Any]]:
        """Return the active faults as JSON, for a status page."""
        return [{"kind": t.kind, "left": t.left, **{n: getattr(t, n) for n in TARGETS}} for t in self._on]

    def on(self, kind: str, contract: Contract) -> Trouble | None:
        """Return the active fault of this kind for an instance, without counting a use."""
        return self._find(kind, contract.ask, contract)

    def use(self, kind: str, ask: Ask, contract: Contract | None = None) -> Trouble | None:
        """Return the active fault of this kind for an offer (and instance), and count one use."""
        found = self._find(kind, ask, contract)
        if found is not None and found.left is not None:
            found.left -= 1
            if found.left <= 0:
                self._on.remove(found)
        return found

    def any(self, kind: str) -> Trouble | None:
        """Return the first active fault of this kind, for any target."""
        return next((t for t in self._on if t.kind == kind), None)

    def _find(self, kind: str, ask: Ask, contract: Contract | None) -> Trouble | None:
        return next((t for t in self._on if t.kind == kind and t.hits(ask, contract)), None)
