"""Rows of services: what a Blueprint would make of a dashboard with a database, as real processes on loopback.

The database is PostgreSQL, the key value store Valkey or Redis; `DATABASE_URL` and `REDIS_URL` are set as Render does
with `fromDatabase` and `fromService`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from ert_deploy.sandbox.runtime import key_value, postgres
from ert_deploy.sandbox.runtime.servers import MissingProgram
from ert_deploy.sandbox.world.file import WorldError


class Maker(Protocol):
    """The required interface of `RenderDouble`."""

    def add_datastore(self, kind: Literal["dpg", "red"], name: str) -> str: ...

    def add_service(
        self, name: str, env: Mapping[str, str], *, worker: bool = False, details: Mapping[str, Any] | None = None
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service: its commands, whether it is a worker, and the names of its stores; None for no store."""

    name: str
    start: str
    before: str | None = None
    worker: bool = False
    database: str | None = None
    key_value: str | None = None
    instances: int = 1


def option(rows: Sequence[ServiceRow]) -> list[str]:
    """Return the option of the daemon's command line, none without rows."""
    return ["--services", json.dumps([asdict(row) for row in rows])] if rows else []


def parse(text: str) -> tuple[ServiceRow, ...]:
    """Return the rows in an option. Raises `ValueError` if it has none."""
    try:
        return tuple(ServiceRow(**row) for row in json.loads(text))
    except TypeError as error:
        raise ValueError(str(error)) from None


def ensure_stores(rows: Sequence[ServiceRow]) -> None:
    """Check that this machine has the servers that `rows` name. Raises `WorldError` with what to install."""
    try:
        if any(row.database for row in rows):
            postgres.installed()
        if any(row.key_value for row in rows):
            key_value.installed()
    except MissingProgram as problem:
        raise WorldError(str(problem)) from None


def create(render: Maker, rows: Sequence[ServiceRow], env: Mapping[str, str]) -> str:
    """Make stores, then services, each with `env`; return the id of the first web service, else of the first one.

    Raises `RuntimeError` with the end of the output of a server or service that does not start.
    """
    databases = {name: render.add_datastore("dpg", name) for name in dict.fromkeys(r.database for r in rows) if name}
    stores = {name: render.add_datastore("red", name) for name in dict.fromkeys(r.key_value for r in rows) if name}
    ids: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.worker):
        urls = {"DATABASE_URL": databases.get(row.database or ""), "REDIS_URL": stores.get(row.key_value or "")}
        commands = {"buildCommand": "pip install -r requirements.txt", "startCommand": row.start}
        if row.before is not None:
            commands["preDeployCommand"] = row.before
        ids[row.name] = render.add_service(
            row.name,
            {**env, **{name: url for name, url in urls.items() if url is not None}},
            worker=row.worker,
            details={"envSpecificDetails": commands, "numInstances": row.instances},
        )
    return next(iter(ids.values()))
