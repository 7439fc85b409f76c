"""`key list`: the API keys that the backends of the state accept, by fingerprint, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ert_deploy.adapters.state.document import moment
from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.state import InstanceRecord, State
from ert_deploy.wiring import Session

__all__ = ["Accepted", "accepted_keys", "moment"]

SHOWN = 8  # hex digits of a fingerprint, as in the backend's own log


@dataclass(frozen=True, slots=True)
class Accepted:
    """One key of one instance: the start of its SHA-256, the Unix time since which it is accepted (0: not known).

    `app` is the name of an app that uses it, or empty; `zone` marks the date.
    """

    instance: str
    name: str
    since: float
    app: str
    zone: str = "UTC"


def accepted_keys(config: Config = None, *, progress: Progress = SILENT) -> tuple[Accepted, ...]:
    """Return the keys, by the state and the instances. An app that cannot be read is noted and left out.

    Raises UsageError, CannotObserve, and the errors of the store.
    """
    session = opened(config).session(progress)
    state = session.ports.store.load()
    initial = {one.id: one.key_hashes for one in session.ports.gpu.list_instances()}
    users, zone = _users(session, progress), session.ports.clock.zone
    return tuple(
        Accepted(record.id, digest[:SHOWN], _since(part, record, digest), users.get(digest, ""), zone)
        for part in (state, *state.replicas)
        for record in part.records
        for digest in record.keys or initial.get(record.id, ())
    )


def _users(session: Session, progress: Progress) -> dict[str, str]:
    """Return the name of the app for the SHA-256 of each key that an app has."""
    found: dict[str, str] = {}
    for at, target in enumerate(session.desired.targets):
        try:
            service = session.ports.web.service(target.service)
            env = session.ports.web.read_env(service.id)
        except ErtError as error:
            progress.note(f"the key of {target.service} could not be read: {error.summary}")
            continue
        for number in range(1, session.desired.replicas + 1):
            names = one_replica(session.desired, number).targets[at].names
            if key := env.get(names.key):
                found[key.sha256()] = service.name
    return found


def _since(state: State, record: InstanceRecord, digest: str) -> float:
    """Return when the instance began to accept the key, by the history, else when it was rented."""
    found = 0.0
    for event in reversed(list(_changes(state, record))):
        if digest[:SHOWN] not in event[1]:
            break
        found = event[0]
    return max(0.0, found or (0.0 if record.keys else record.at))


def _changes(state: State, record: InstanceRecord) -> Iterator[tuple[float, str]]:
    yield from ((one.at, one.why) for one in state.history if (one.what, one.instance) == ("keys", record.id))
