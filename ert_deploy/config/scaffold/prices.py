"""Render's published prices in $ a month, for what a Blueprint creates. Its API tells none, so the table has a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ert_deploy.config.settings import AgentService, Blueprint

AS_OF = "2026-10"  # render.com/pricing, as quoted in public documents; bandwidth and build minutes come on top
SERVICES = {
    "free": 0.0,
    "starter": 7.0,
    "0.5c-512mb": 7.0,
    "standard": 25.0,
    "1c-2g": 25.0,
    "pro": 85.0,
    "pro plus": 175.0,
    "pro max": 225.0,
    "pro ultra": 450.0,
}
DATABASE = 6.0  # the cheapest PostgreSQL, which the Blueprint names


@dataclass(frozen=True, slots=True)
class Priced:
    """One part of a Blueprint: what it is, how many, and the $ a month of all of them; None if it is not known."""

    what: str
    count: int
    month: float | None


@dataclass(frozen=True, slots=True)
class Hosting:
    """All parts of a Blueprint, the $ a month of those whose price is known, and the month of the prices."""

    parts: tuple[Priced, ...]
    month: float
    as_of: str = AS_OF


def priced(
    services: Sequence[tuple[str, Blueprint]], agent: AgentService | None = None, *, s3: bool = False
) -> Hosting | None:
    """Return what a Blueprint of these services creates, each database and key value store once, and of the agent.

    `s3`: the state is there, and not in a database of the Blueprint.

    None for one service alone, whose price is its plan's.
    """
    found = (*_parts(services), *_agent_parts(agent or AgentService(), s3=s3))
    if len(found) < 2 and all(part.count == 1 for part in found):
        return None
    return Hosting(found, sum(part.month or 0.0 for part in found))


def _parts(services: Sequence[tuple[str, Blueprint]]) -> Iterator[Priced]:
    for name, how in services:
        one = SERVICES.get(how.plan)
        kind = "worker" if how.role == "worker" else "service"
        month = None if one is None else one * how.instances
        yield Priced(f"{kind} {name} ({how.plan})", how.instances, month)
    for name in sorted({how.database for _, how in services if how.database}):
        yield Priced(f"database {name} (the cheapest)", 1, DATABASE)
    for name in sorted({how.key_value for _, how in services if how.key_value}):
        yield Priced(f"key value store {name}", 1, None)


def _agent_parts(agent: AgentService, *, s3: bool) -> Iterator[Priced]:
    if agent.name is not None:
        yield Priced(f"agent {agent.name} ({agent.plan})", 1, SERVICES.get(agent.plan))
    if s3 and agent.beside is not None:
        yield Priced("state in S3", 1, None)
    elif agent.name or agent.beside:
        yield Priced(f"database {agent.database} (the cheapest)", 1, DATABASE)
