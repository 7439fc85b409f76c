"""A storage location for one state, and a state with one entry of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.adapters.state.file import StateFile
from ert_deploy.adapters.state.object_state import StateObject
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.adapters.state.signature import StateKeys
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.state import Denied, InstanceRecord, Intent, Launched, Rollout, State, Tombstone
from ert_deploy.ports import StateKeeper
from tests.support.fakes.timing import FakeClock
from tests.support.ids import nth

FULL = State(
    "ert",
    0,
    (Intent("a" * 32, 1.5, "7", "1001"),),
    (
        InstanceRecord(
            "b" * 32, nth(5), "1002", 2.5, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", True
        ),
    ),
    (Tombstone("c" * 32, nth(6), 3.5, "it did not get healthy: \u00e4"),),
    (Denied("1003", 9e9, "no progress"),),
    (Rollout("srv-1", "f" * 16, "dep-1", 4.5, 5.5),),
    launches=(Launched("1003", "77", 6.5, False, 900.0, 120.0, 300.0, 4.0),),
    history=(Happened(2.5, "rented", "5", "machine 1002: \u00e4", 0.25, "ann@desk"),),
)
KEY = "teams/ert.json"
NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
PLAIN = StateKeys()


@dataclass
class Shelf:
    """Creates handles of the location (for a deployment, with some keys), and reads and writes its raw content."""

    handle: Callable[..., StateKeeper]
    read: Callable[[], bytes]
    write: Callable[[bytes], object]
    clock: FakeClock


def store(path: Path, deployment: str = "ert") -> StateFile:
    """Return the state in a file, with a clock that does not advance."""
    return StateFile(path, deployment, FakeClock())


def in_file(path: Path) -> Shelf:
    """Return a location in a file."""
    clock = FakeClock(NOW)

    def handle(keys: StateKeys = PLAIN, *, name: str = "ert") -> StateKeeper:
        return StateFile(path, name, clock, keys=keys)

    return Shelf(handle, path.read_bytes, path.write_bytes, clock)


def in_database(server: Any, database: str) -> Shelf:
    """Return a location in an empty database of a running server."""
    from ert_deploy.adapters.state.postgres_objects import PostgresObjects
    from ert_deploy.adapters.state.postgres_url import database as read_url

    clock, found = FakeClock(NOW), read_url("URL", {"URL": server.url(database)})

    def handle(keys: StateKeys = PLAIN, *, name: str = "ert") -> StateKeeper:
        return StateObject(PostgresObjects(found, clock), KEY, name, keys)

    def write(raw: bytes) -> None:
        objects = PostgresObjects(found, clock)
        held = objects.get(KEY)
        objects.put(KEY, raw, held.etag if held is not None else None, "by hand")

    def read() -> bytes:
        held = PostgresObjects(found, clock).get(KEY)
        assert held is not None
        return held.body

    return Shelf(handle, read, write, clock)


def in_bucket(client: Any, bucket: str) -> Shelf:
    """Return a location in an S3 object."""
    clock = FakeClock(NOW)

    def handle(keys: StateKeys = PLAIN, *, name: str = "ert") -> StateKeeper:
        return StateObject(S3Objects(bucket, clock, client=client), KEY, name, keys)

    return Shelf(
        handle,
        lambda: bytes(client.get_object(Bucket=bucket, Key=KEY)["Body"].read()),
        lambda raw: client.put_object(Bucket=bucket, Key=KEY, Body=raw),
        clock,
    )
