"""Plan files: a plan with what it was made from, written by `plan --out`, and refused once the world has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ert_deploy.app.preview import Plan
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.observed import Instance, Publication
from ert_deploy.core.model.steps import Step
from ert_deploy.core.model.text import printable
from ert_deploy.core.planning.situation import Situation

FORMAT, VERSION = "ert-deploy plan", 1
COMMANDS = {Phase.RUNNING: "up", Phase.ASLEEP: "sleep", Phase.ABSENT: "down"}
LONGEST = 1_000_000  # bytes of a file that is read
_TIMES = ("reason", "until", "fingerprint")  # of a step: they are others each time


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan file: the command it is for, and what has to be the same when it is executed."""

    path: Path
    deployment: str
    command: str
    facts: Mapping[str, Any]


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan to a private file (mode 0600), replacing any other. No secret is in it. Raises UsageError."""
    from ert_deploy.adapters.private import new_private, reason

    made = {"format": FORMAT, "version": VERSION, "deployment": plan.deployment, "command": COMMANDS[plan.phase]}
    text = json.dumps(made | {"facts": facts(plan)}, indent=2, sort_keys=True) + "\n"
    try:
        with new_private(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise UsageError(f"{printable(str(path))} cannot be written: {reason(error)}") from error


def read_plan(path: Path) -> Saved:
    """Return a plan file. Raises UsageError for one that cannot be read or is of another version."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(LONGEST))
        if (found["format"], found["version"]) != (FORMAT, VERSION):
            raise ValueError
        return Saved(path, str(found["deployment"]), str(found["command"]), dict(found["facts"]))
    except OSError as error:
        raise UsageError(f"{printable(str(path))} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        what = f"{printable(str(path))} is not a plan of this version"
        raise UsageError(what, hint="`ert-deploy plan --out FILE` writes one") from None


def refuse_other(saved: Saved, plan: Plan) -> None:
    """Raise UsageError for a plan of another deployment or command, and Failed with what has changed since."""
    mine, command = (plan.deployment, COMMANDS[plan.phase]), (saved.deployment, saved.command)
    if mine != command:
        theirs = f"`{printable(saved.command)}` for {printable(saved.deployment)}"
        hint = f"`ert-deploy plan --out FILE` plans `{COMMANDS[plan.phase]}` for {plan.deployment}"
        raise UsageError(f"{printable(str(saved.path))} is a plan of {theirs}", hint=hint)
    changed = list(_changed(saved.facts, facts(plan)))
    if changed:
        raise Failed(
            f"the plan no longer holds: {changed[0]}",
            "\n".join(changed[1:]),
            "nothing was changed; `ert-deploy plan` shows what would be done now",
        )


def facts(plan: Plan) -> Mapping[str, Any]:
    """Return what the plan depends on, as plain data without secrets."""
    situation = plan.situation
    seen = {} if situation is None else _seen(situation)
    offer = None
    if plan.offer is not None:
        offer = {"id": plan.offer.offer.id, "dph": round(plan.offer.estimate.hourly, 6)}
    return {
        **seen,
        "offer": offer,
        "steps": [_step(step) for step in plan.steps],
        "variables": [f"{one.kind.value} {one.service} {one.name}" for one in plan.summary.variables],
        **({"replicas": [facts(one) for one in plan.replicas]} if plan.replicas else {}),
    }


def _seen(situation: Situation) -> Mapping[str, Any]:
    instances = (*situation.ours, *(u.instance for u in situation.undecided))
    return {
        "config": _digest(_plain(situation.desired)),
        "instances": {i.id: _instance(i) for i in instances},
        "apps": {p.target: _app(p) for p in situation.observed.publications or ()},
    }


def _plain(desired: Desired) -> Any:
    env = tuple(replace(one, value="") if one.source else one for one in desired.launch.env)
    launch, server = replace(desired.launch, env=env), desired.external and replace(desired.external, key=None)
    wanted = asdict(replace(desired, wait_for_offer=0.0, begin=True, launch=launch, external=server))
    return json.loads(json.dumps(wanted, default=sorted, sort_keys=True))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _instance(instance: Instance) -> str:
    return f"{instance.power.value}, ${instance.dph:.4f}/h, {_digest([instance.spec, instance.machine_id])}"


def _app(publication: Publication) -> str:
    """Return the names of the variables and a digest of their values: of a secret only what names it is in that."""
    known = {name: value.sha256()[:8] for name, value in publication.env.items()}
    return f"{len(known)} variables ({_digest(known)}), shows {publication.live_fingerprint or 'no fingerprint'}"


def _step(step: Step) -> str:
    return " ".join([type(step).__name__, *(f"{k}={v}" for k, v in sorted(asdict(step).items()) if k not in _TIMES)])


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs, the cause before its consequence."""
    if before.get("config") != now.get("config"):
        yield "the config has changed"
    for part, name in (("instances", "instance"), ("apps", "app")):
        was, is_now = before.get(part) or {}, now.get(part) or {}
        for key in sorted({*was, *is_now}):
            if was.get(key) != is_now.get(key):
                old, new = was.get(key) or "none", is_now.get(key) or "none"
                yield printable(f"{name} {key} was {old} and is {new}")
    if before.get("offer") != now.get("offer"):
        yield printable(f"the offer was {_offer(before.get('offer'))} and is {_offer(now.get('offer'))}")
    was, is_now = before.get("replicas") or [], now.get("replicas") or []
    if len(was) != len(is_now):
        yield f"{len(was) + 1} replicas were planned, and now there are {len(is_now) + 1}"
    for number, (one, other) in enumerate(zip(was, is_now, strict=False), 2):
        yield from (f"replica {number}: {change}" for change in _changed(one, other))
    if before.get("steps") != now.get("steps") or before.get("variables") != now.get("variables"):
        yield "other steps are needed now"


def _offer(offer: Any) -> str:
    return f"{offer.get('id')} at ${offer.get('dph')}/h" if isinstance(offer, dict) else "none"
