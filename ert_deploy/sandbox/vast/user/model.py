"""What belongs to the account itself: its further API keys and its variables. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key with some permissions only; `value` is the secret."""

    id: int
    name: str
    value: str
    permissions: frozenset[str]


@dataclass(slots=True)
class User:
    """`variables` go into every container of the account; `keys` by their value."""

    variables: dict[str, str] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
