"""Which keys an instance takes, as far as it is known for sure, and when others of them have to go.

A change of keys is written down before it is asked for. Until its answer is there, an instance is trusted with those
keys alone that it takes whether it has heard of the change or not.
"""

from __future__ import annotations

from collections.abc import Container

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import Record

MOST_KEYS = 4  # that a backend takes at one time


def takes(instance: Instance, record: Record | None) -> tuple[str, ...]:
    """SHA-256 of the keys it takes, oldest first."""
    if record is None or not (record.keys or record.asked):
        return instance.key_hashes
    known = record.keys or instance.key_hashes
    return tuple(digest for digest in known if digest in record.asked) if record.asked else known


def accepts(instance: Instance, record: Record | None, key: Secret | None) -> bool:
    """Whether it takes this key."""
    return key is not None and key.sha256() in takes(instance, record)


def may_take_others(record: Record, key: Secret) -> bool:
    """Whether it may take another key than this one because of what it was told while it ran."""
    return bool(record.asked) or any(digest != key.sha256() for digest in record.keys)


def forgotten(record: Record | None) -> bool:
    """Whether nobody knows what it was told to take: its record is a new one, of an instance found without one.

    One that was pinned took a key that is known, and what it was told since then is written down.
    """
    return record is not None and not (record.keys or record.asked or record.certificate)


def besides(taken: tuple[str, ...], held: Container[str]) -> tuple[str, ...]:
    """Those of the keys it takes that stay when one more is added; what no app holds makes room, the oldest first."""
    surplus = max(0, len(taken) - (MOST_KEYS - 1))
    leaving = [digest for digest in taken if digest not in held] + [digest for digest in taken if digest in held]
    return tuple(digest for digest in taken if digest not in leaving[:surplus])


def named(digest: str) -> str:
    """How a key is named where people read: the first 8 hex digits of its hash, as the backend names it."""
    return digest[:8]
