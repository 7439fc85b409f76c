"""A state as plain data and back. What is read may be anybody's: it is whole and ours, or refused.

Every field has its type, every number is finite, and what no program of ours can have written is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ert_deploy.core.model.claims import NO_CLAIMS, Claims
from ert_deploy.core.model.plain.fields import Check, checked, many, number, text, whole
from ert_deploy.core.model.plain.undated import NAMES, TIMES, named, signed, undated
from ert_deploy.core.model.state import Denied, Intent, Record, Rollout, State, Tombstone

VERSION = 4
BEFORE_CLAIMS = 3  # the last version that said neither whose account it is nor what was decided, by own clocks
# 1 knew no `woken` and no `stranded`, 2 no `keys` and no `asked`, 3 neither `account`, `claims` nor `begun`.
READABLE = frozenset({1, 2, 3, VERSION})
_LISTS = frozenset({"intents", "records", "tombstones", "rollouts"})
_OLD = frozenset({"version", "deployment", "generation", "denied"}) | _LISTS
_NEW = _OLD | {"account", "claims", "begun"}


def to_json(state: State) -> dict[str, Any]:
    """Plain data, stable order; `from_json` of it is equal to the state."""
    plain = {"version": VERSION, **asdict(state)}
    return named({name: tuple(map(named, v)) if name in _LISTS else v for name, v in plain.items()})


def from_json(data: Any) -> State:
    """The state in plain data of this version. ValueError says what is wrong with it."""
    if not isinstance(data, dict):
        raise ValueError("not an object")
    version = data.get("version")
    if type(version) is not int or version not in READABLE:
        raise ValueError(f"version {version!r}, this release reads versions up to {VERSION}")
    own = version <= BEFORE_CLAIMS
    try:
        _exactly(data, own=own)
        state = _from_json(data, own=own)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"invalid or unknown field: {error}") from error
    for wrong in contradictions(state):
        raise ValueError(f"it contradicts itself: {wrong}")
    return state


def contradictions(state: State) -> Iterator[str]:
    """What cannot be true at the same time, and no program of ours writes."""
    bearing = (*(r.id for r in state.records), *(t.id for t in state.tombstones))
    yield from _twice("instance", bearing)
    yield from _twice("create", (i.token for i in state.intents))
    yield from _twice("denial of machine", (d.machine_id for d in state.denied))
    yield from _twice("rollout of service", (r.service_id for r in state.rollouts))
    yield from _twice("decision about instance", (*state.claims.adopted, *state.claims.ignored))


def _twice(what: str, names: Iterable[str | int]) -> Iterator[str]:
    seen: set[str | int] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} is in it twice"
        seen.add(name)


def _from_json(data: dict[str, Any], *, own: bool) -> State:
    return State(
        deployment=text(data["deployment"]),
        generation=whole(data["generation"]),
        intents=many(data["intents"], lambda i: Intent(**_row(Intent, i, own))),
        records=many(data["records"], lambda r: Record(**_row(Record, r, own))),
        tombstones=many(data["tombstones"], lambda t: Tombstone(**_row(Tombstone, t, own))),
        denied=many(data["denied"], lambda d: Denied(**checked(Denied, d))),
        rollouts=many(data["rollouts"], lambda r: Rollout(**_row(Rollout, r, own))),
        account="" if own else text(data["account"]),
        claims=NO_CLAIMS if own else _claims(data["claims"]),
        begun=0.0 if own else signed({"begun": number(data["begun"])}, undated(data))["begun"],
    )


def _row(kind: type[Any], row: Any, own: bool) -> dict[str, Any]:
    """A row's values; times of a version that knew no provider's clock are its writer's own."""
    if own or not isinstance(row, dict):
        return signed(checked(kind, row), TIMES)
    return signed(checked(kind, {name: value for name, value in row.items() if name != NAMES}), undated(row))


def _exactly(data: dict[str, Any], *, own: bool) -> None:
    expected = _OLD if own else _NEW
    missing, unknown = expected - data.keys(), data.keys() - _NEW - {NAMES}
    if missing or unknown:
        raise TypeError(
            ", ".join(sorted(map(repr, missing or unknown))) + (" is missing" if missing else " is unknown")
        )


def _claims(data: Any) -> Claims:
    if not isinstance(data, dict):
        raise TypeError(f"{data!r} is not an object")
    checks: dict[str, Check] = {"owners": text, "services": text, "adopted": whole, "ignored": whole}
    if not data.keys() <= checks.keys():
        raise TypeError(f"{', '.join(sorted(map(repr, data.keys() - checks.keys())))} is unknown")
    return Claims(**{name: many(value, checks[name]) for name, value in data.items()})
