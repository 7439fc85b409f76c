"""User model: additional API keys, variables that are set in every container, SSH keys and templates. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

USER_ID = 424242


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key with limited permissions; `value` is the secret."""

    id: int
    name: str
    value: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of the account; `created` is a date by the provider's clock."""

    id: int
    text: str
    created: str


@dataclass(frozen=True, slots=True)
class Template:
    """A named order with its content; `creator` None is the account itself."""

    id: int
    created: float
    fields: Mapping[str, Any]
    hash_id: str
    creator: int | None = None


# The one that the help of Vast's command line has in its examples.
PUBLIC_TEMPLATES = (
    Template(
        661,
        1_700_000_000.0,
        {"name": "PyTorch (cuDNN Devel)", "image": "pytorch/pytorch", "runtype": "ssh", "ssh_direct": True},
        "661d064bbda1f2a133816b6d55da07c3",
    ),
)


@dataclass(slots=True)
class User:
    """`variables` are set in every container; `keys` is indexed by their value, the other two by id."""

    variables: dict[str, str] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    ssh_keys: dict[int, SshKey] = field(default_factory=dict)
    templates: dict[int, Template] = field(default_factory=dict)
