"""Facts for planning tests: short constructors for the desired and the actual state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.desired import Criteria, Desired, Launch, Phase, Target
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Instance, Observed, Publication, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, Rollout, State, Tombstone
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.app_env import connected, withdrawn
from tests.support.ids import nth
from tests.support.vast.says import says

NOW = 1_000_000.0
KEY = Secret("ert-" + "k" * 32)
OTHER_KEY = Secret("ert-" + "o" * 32)
DASH, ADMIN = Target("dash"), Target("admin")
UP = Desired(
    "ert", Phase.RUNNING, Launch(image="llm-backend:1", model="gpt-oss:20b"), Criteria(max_dph=0.40), (DASH,),
    owner="our-project",
)  # fmt: skip
DOWN = replace(UP, phase=Phase.ABSENT)
SLEEP = replace(UP, phase=Phase.ASLEEP)
WAITED = UP.timings
BOTH = replace(UP, targets=(DASH, ADMIN))
KEYED = {DASH.names.key: KEY}
OLD = {"spec": "another config"}
# The desired and the observed state, by the name of the situation, and the plan for it.
Table: TypeAlias = dict[str, tuple[Desired, Observed, list[str]]]


def token(number: int) -> str:
    """Return the token of the create call that made an instance."""
    return f"{number:032x}"


def pem(number: int) -> str:
    return f"certificate of {number}"


def url(number: int) -> str:
    return f"https://203.0.113.7:{40000 + number}"


def instance(number: int, **changes: Any) -> Instance:
    """Return a running instance of the deployment that matches the config."""
    states = says(*(changes.pop(name, "running") for name in ("status", "intended", "current")))
    base = Instance(
        id=nth(number), mark=Mark("ert", token(number)), claims="ert", **states,
        machine_id=str(number + 1000), dph=0.2, address=Address("203.0.113.7", 40000 + number),
        spec=UP.launch.spec(), key_hashes=(KEY.sha256(),), born=Mark("ert", token(number)), owner="our-project:",
        label_token=token(number), boot_secret=Secret(nth(number) * 16),
    )  # fmt: skip
    return replace(base, **changes)


def record(number: int, *, pinned: bool = False, published: bool = False, at: float = NOW - 60) -> InstanceRecord:
    return InstanceRecord(token(number), nth(number), str(number + 1000), at, pem(number) if pinned else "", published)


def served(number: int, *, woken: float = 0.0, stranded: float = 0.0, at: float = NOW - 60) -> InstanceRecord:
    """Return the record of an instance that was published to an app."""
    return replace(record(number, pinned=True, published=True, at=at), woken=woken, stranded=stranded)


def told_keys(number: int, keys: tuple[Secret, ...], asked: tuple[Secret, ...] = ()) -> InstanceRecord:
    """Return the record of a serving instance whose accepted keys were changed while it ran."""
    digests = tuple(k.sha256() for k in keys), tuple(k.sha256() for k in asked)
    return replace(served(number), keys=digests[0], asked=digests[1])


def stopped(number: int, **changes: Any) -> Instance:
    """Return an instance of the deployment of which only the disk costs money."""
    return instance(number, status="exited", intended="stopped", current="stopped", address=None, **changes)


def intent(number: int, age: float, *, gone: bool = False) -> Intent:
    return Intent(token(number), NOW - age, "7", str(number + 1000), gone)


def undated(number: int, at: float) -> Intent:
    """Return an intent made without the provider's time: it has the local time, which is compared with nothing."""
    return Intent(token(number), -at, "7", str(number + 1000))


def tombstone(number: int, reason: str = "replaced") -> Tombstone:
    return Tombstone(token(number), nth(number), NOW - 5, reason)


def healthy(number: int) -> Health:
    return Health(Vital.HEALTHY, certificate=pem(number))


def env(number: int, target: Target = DASH, key: Secret = KEY) -> Mapping[str, Secret]:
    """Return the owned variables of an app that uses that instance."""
    return connected(target, url(number), key, pem(number))


def off(target: Target = DASH) -> dict[str, Secret]:
    """Return the owned variables of an app that uses none."""
    return withdrawn(target)


def mark(values: Mapping[str, Secret]) -> str:
    return values[DASH.names.fingerprint].reveal()


def app(values: Mapping[str, Secret], *, shows: str | None = "the same", target: Target = DASH) -> Publication:
    """A target with this environment; its process shows the same fingerprint, another one, or none."""
    shown = mark(values) if shows == "the same" and values.get(target.names.fingerprint) else shows
    shown = None if shown == "the same" else shown
    return Publication(target.service, f"srv-{target.service}", target.service, "https://app", values, shown)


def rollout(values: Mapping[str, Secret], proven: float = 0.0, target: Target = DASH) -> Rollout:
    return Rollout(f"srv-{target.service}", mark(values), "dep-1", NOW - 200, proven)


def seen(
    *instances: Instance,
    records: tuple[InstanceRecord, ...] = (),
    intents: tuple[Intent, ...] = (),
    tombstones: tuple[Tombstone, ...] = (),
    rollouts: tuple[Rollout, ...] = (),
    apps: tuple[Publication, ...] | None = (),
    health: tuple[Health | None, ...] = (),
    **more: Any,
) -> Observed:
    """Return the observed state; `health` is in the order of the instances."""
    state = State("ert", 3, intents, records, tombstones, (), rollouts)
    known = {i.id: h for i, h in zip(instances, health, strict=False) if h is not None}
    by_id: dict[str, Any] = {
        name: _by_id(more[name]) for name in ("watches", "tries", "made", "stopped") if name in more
    }
    more = {"provider_now": NOW, **more, **by_id}
    return Observed(NOW, instances, state, known, publications=apps, **more)


def _by_id(found: Any) -> Any:
    """The same with the ids of instances in place of their numbers."""
    return {nth(n): value for n, value in found.items()} if isinstance(found, dict) else frozenset(map(nth, found))


def still(seconds: float, strikes: int = 0) -> Watch:
    """Return a watch without a change for that long, after so many consecutive bad probes."""
    return Watch("", NOW - seconds, strikes, steady=True)


def shown(step: Step) -> str:
    """Return a step on one line: its type, its subject and its reason."""
    values = {f.name: getattr(step, f.name) for f in fields(step)}
    reason = values.pop("reason")
    values.pop("end", None)
    about = " ".join(_word(name, value) for name, value in values.items() if value not in (None, False, ()))
    return " ".join(f"{type(step).__name__} {about}".split()) + f": {reason}"


def _word(name: str, value: Any) -> str:
    match name:
        case "token":
            return f"token={value.lstrip('0')}" if value else ""
        case "until":
            return f"in {value - NOW:g} s"
        case "deny":
            return "deny"
        case "write" | "delete":
            return f"{name}={','.join(value)}"
        case "fingerprint":
            return "" if not value else "fingerprint"
        case _:
            return ",".join(value) if isinstance(value, tuple) else str(value)
