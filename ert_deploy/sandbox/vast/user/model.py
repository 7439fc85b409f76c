"""User model: additional API keys, and the variables that are set in every container. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key with limited permissions; `value` is the secret."""

    id: int
    name: str
    value: str
    permissions: frozenset[str]


@dataclass(slots=True)
class User:
    """`variables` are set in every container; `keys` is indexed by their value."""

    variables: dict[str, str] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
