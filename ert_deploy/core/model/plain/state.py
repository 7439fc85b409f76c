"""Conversion of a state to plain data and back. Stored data is untrusted: only a complete and valid state is accepted.

Every field has its type, no number is infinite or NaN, and data that no release writes is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ert_deploy.core.model.boot.failure import MOST_FAILURES, Failure
from ert_deploy.core.model.claims import NO_CLAIMS, Claims
from ert_deploy.core.model.log.happened import MOST_HISTORY, Happened
from ert_deploy.core.model.plain import numbered
from ert_deploy.core.model.plain.fields import Check, checked, ident, many, number, rows, text, whole
from ert_deploy.core.model.plain.undated import NAMES, TIMES, named, signed, undated
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.state import (
    MOST_LAUNCHES,
    Denied,
    InstanceRecord,
    Intent,
    Launched,
    Rollout,
    State,
    Tombstone,
)

VERSION = 7  # of a state without replicas
NEWEST = 8  # of one with replicas: earlier releases must not read it as that of a single one
BEFORE_CLAIMS = 3  # last version without `account` and `claims`, and with local clocks
NUMBERED = 4  # the last version in which the ids of instances, machines and offers were numbers
BEFORE_LAUNCHES = 5  # the last version without `launches`
BEFORE_LOGS = 6  # the last version without `failures` and `history`
# Version 1 lacks `woken` and `stranded`, 2 `keys` and `asked`, 3 `account`, `claims` and `begun`.
READABLE = frozenset({1, 2, 3, NUMBERED, BEFORE_LAUNCHES, BEFORE_LOGS, VERSION, NEWEST})
_LISTS = frozenset({"intents", "records", "tombstones", "rollouts"})
_OLD = frozenset({"version", "deployment", "generation", "denied"}) | _LISTS
_NEW = _OLD | {"account", "claims", "begun"}
_LEARNED = _NEW | {"launches"}
_ALL = _LEARNED | {"failures", "history"}
_PARTS = _ALL | {"replicas"}
PLACE = frozenset({"host_id", "ip"})  # of an intent and of a record
_DATED = _LISTS | {"launches", "failures", "history"}


def to_json(state: State) -> dict[str, Any]:
    """Return plain data in a stable order; `from_json` converts it back to an equal state."""
    whole = asdict(state)
    replicas = tuple(map(_plain, whole.pop("replicas")))
    plain = _plain(whole)
    if replicas or any(PLACE & row.keys() for row in (*plain["intents"], *plain["records"])):
        return {"version": NEWEST, **plain, "replicas": replicas}
    return {"version": VERSION, **plain}


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return the plain data of one replica; what only those of several have is omitted where it is empty."""
    state.pop("replicas", None)
    for rows_of in ("intents", "records"):
        state[rows_of] = tuple(
            {name: value for name, value in row.items() if value or name not in PLACE} for row in state[rows_of]
        )
    return named({name: tuple(map(named, v)) if name in _DATED else v for name, v in state.items()})


def from_json(data: Any) -> State:
    """Parse the plain data of a supported version; raise ValueError with the first error found."""
    if not isinstance(data, dict):
        raise ValueError("not an object")
    version = data.get("version")
    if type(version) is not int or version not in READABLE:
        raise ValueError(f"version {version!r}, this release reads versions up to {NEWEST}")
    own = version <= BEFORE_CLAIMS
    try:
        _exactly(data, version)
        state = _from_json(_with_text_ids(data) if version <= NUMBERED else data, own=own)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"invalid or unknown field: {error}") from error
    for wrong in contradictions(state):
        raise ValueError(f"it contradicts itself: {wrong}")
    return state


def contradictions(state: State) -> Iterator[str]:
    """Yield descriptions of contradictions, which no release writes."""
    parts = (state, *state.replicas)
    bearing = ((*(r.id for r in part.records), *(t.id for t in part.tombstones)) for part in parts)
    yield from _twice("instance", (number for numbers in bearing for number in numbers))
    yield from _twice("create", (i.token for part in parts for i in part.intents))
    yield from _twice("replica", (part.deployment for part in parts))
    for part in parts:
        yield from _contradictions(part)
    numbers = [replica_of(part.deployment) for part in state.replicas]
    if any(deployment != state.deployment or number == 1 for deployment, number in numbers):
        yield f"its replicas are {', '.join(part.deployment for part in state.replicas)}"


def _contradictions(state: State) -> Iterator[str]:
    yield from _twice("denial of", (d.subject for d in state.denied))
    yield from _twice("rollout of service", (r.service_id for r in state.rollouts))
    yield from _twice("decision about instance", (*state.claims.adopted, *state.claims.ignored))


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} is in it twice"
        seen.add(name)


def _with_text_ids(data: dict[str, Any]) -> dict[str, Any]:
    lists: dict[str, Any] = {
        name: [numbered.renumbered(row) for row in rows(data[name])] for name in (*_LISTS, "denied")
    }
    claims = data.get("claims")
    if isinstance(claims, dict):
        decided = {name: many(claims[name], numbered.named) for name in ("adopted", "ignored") if name in claims}
        lists["claims"] = {**claims, **decided}
    return {**data, **lists}


def _from_json(data: dict[str, Any], *, own: bool) -> State:
    return State(
        deployment=text(data["deployment"]),
        generation=whole(data["generation"]),
        intents=many(data["intents"], lambda i: Intent(**_row(Intent, i, own))),
        records=many(data["records"], lambda r: InstanceRecord(**_row(InstanceRecord, r, own))),
        tombstones=many(data["tombstones"], lambda t: Tombstone(**_row(Tombstone, t, own))),
        denied=many(data["denied"], lambda d: Denied(**checked(Denied, d))),
        rollouts=many(data["rollouts"], lambda r: Rollout(**_row(Rollout, r, own))),
        account="" if own else text(data["account"]),
        claims=NO_CLAIMS if own else _claims(data["claims"]),
        begun=0.0 if own else signed({"begun": number(data["begun"])}, undated(data))["begun"],
        launches=many(data.get("launches", ()), lambda one: Launched(**_row(Launched, one, own=False)))[
            -MOST_LAUNCHES:
        ],
        failures=many(data.get("failures", ()), lambda one: Failure(**_row(Failure, one, own=False)))[-MOST_FAILURES:],
        history=many(data.get("history", ()), lambda one: Happened(**_row(Happened, one, own=False)))[-MOST_HISTORY:],
        replicas=many(data.get("replicas", ()), _replica),
    )


def _replica(part: Any) -> State:
    if not isinstance(part, dict):
        raise TypeError(f"{part!r} is not an object")
    _exactly({"version": VERSION, **part}, VERSION)
    return _from_json(part, own=False)


def _row(kind: type[Any], row: Any, own: bool) -> dict[str, Any]:
    """Return the values of a row; in versions without the provider's clock, all times are local to the writer."""
    if own or not isinstance(row, dict):
        return signed(checked(kind, row), TIMES)
    return signed(checked(kind, {name: value for name, value in row.items() if name != NAMES}), undated(row))


def _exactly(data: dict[str, Any], version: int) -> None:
    steps = ((BEFORE_CLAIMS, _OLD), (BEFORE_LAUNCHES, _NEW), (BEFORE_LOGS, _LEARNED), (VERSION, _ALL), (NEWEST, _PARTS))
    expected = next(names for last, names in steps if version <= last)
    missing, unknown = expected - data.keys(), data.keys() - (_PARTS if version == NEWEST else _ALL) - {NAMES}
    if missing or unknown:
        raise TypeError(
            ", ".join(sorted(map(repr, missing or unknown))) + (" is missing" if missing else " is unknown")
        )


def _claims(data: Any) -> Claims:
    if not isinstance(data, dict):
        raise TypeError(f"{data!r} is not an object")
    checks: dict[str, Check] = {"owners": text, "services": text, "adopted": ident, "ignored": ident}
    if not data.keys() <= checks.keys():
        raise TypeError(f"{', '.join(sorted(map(repr, data.keys() - checks.keys())))} is unknown")
    return Claims(**{name: many(value, checks[name]) for name, value in data.items()})
