"""Accepted keys of an instance, without uncertain ones, and the keys to remove.

A key change is stored before the request is sent. Until the response arrives, only those keys are considered valid that
are accepted before and after the change.
"""

from __future__ import annotations

from collections.abc import Container

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord

MOST_KEYS = 4  # maximum number of keys that a backend accepts


def takes(instance: Instance, record: InstanceRecord | None) -> tuple[str, ...]:
    """Return the SHA-256 of the accepted keys, oldest first."""
    if record is None or not (record.keys or record.asked):
        return instance.key_hashes
    known = record.keys or instance.key_hashes
    return tuple(digest for digest in known if digest in record.asked) if record.asked else known


def accepts(instance: Instance, record: InstanceRecord | None, key: Secret | None) -> bool:
    """Whether it accepts this key."""
    return key is not None and key.sha256() in takes(instance, record)


def may_take_others(record: InstanceRecord, key: Secret) -> bool:
    """Whether it may accept other keys than this one because of earlier key changes."""
    return bool(record.asked) or any(digest != key.sha256() for digest in record.keys)


def forgotten(record: InstanceRecord | None) -> bool:
    """Whether its accepted keys are unknown: the record was created for an instance found without one.

    If its certificate was pinned, a known key was in use, and later changes are stored.
    """
    return record is not None and not (record.keys or record.asked or record.certificate)


def learned(instance: Instance, record: InstanceRecord | None) -> tuple[str, ...]:
    """Return the SHA-256 of the accepted keys, oldest first; none if they are not known (without its record)."""
    return () if record is None or forgotten(record) else takes(instance, record)


def besides(taken: tuple[str, ...], held: Container[str]) -> tuple[str, ...]:
    """Return the accepted keys to keep when one is added; keys that no app has are removed first, oldest first."""
    surplus = max(0, len(taken) - (MOST_KEYS - 1))
    leaving = [digest for digest in taken if digest not in held] + [digest for digest in taken if digest in held]
    return tuple(digest for digest in taken if digest not in leaving[:surplus])


def with_key(
    instance: Instance, record: InstanceRecord, new: str, held: Container[str], *, published: bool
) -> tuple[str, ...]:
    """Return the keys to accept once `new` is added; no app has the initial key of an unpublished instance."""
    taken = [d for d in takes(instance, record) if d != new and (published or d not in instance.key_hashes)]
    return (*besides(tuple(taken), held), new)


def named(digest: str) -> str:
    """Return the public name of a key: the first 8 hex digits of its hash, as the backend names it."""
    return digest[:8]
