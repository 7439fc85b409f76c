"""Admin routes for the operator: list and replace the accepted keys, and read the head of the audit log.

They require the admin token (`keyring.admin_token`), never an application's key. Rotation takes two calls: the old and
the new hash under the next generation, then, once the application has used the new key, the new hash alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, HTTPException

from ert_backend.api.admin_body import KeyChange
from ert_backend.api.bodies import AcceptedKey, AuditHead, Keys
from ert_backend.api.operations import serves
from ert_backend.base.clock import boot_seconds
from ert_backend.edge.audit import Audit
from ert_backend.edge.key_store import KeyRing, Stale, parse_hashes, short


def routes(app: FastAPI, keys: KeyRing, audit: Audit) -> None:
    """Add the admin routes."""

    @serves(app, "GET", "/admin/keys")
    async def show() -> Mapping[str, object]:
        return describe(keys)

    @serves(app, "PUT", "/admin/keys")
    async def change(body: KeyChange) -> Mapping[str, object]:
        try:
            keys.replace(body.generation, parse_hashes(body.hashes))
        except Stale as stale:
            raise HTTPException(409, f"The generation in force is {stale.generation}") from None
        except OSError:
            raise HTTPException(503, "The disk rejected the write; nothing changed", {"Retry-After": "5"}) from None
        names = ",".join(short(digest) for digest in keys.now.hashes)
        audit.record("admin", "keys", names, generation=keys.now.generation)
        return describe(keys)

    @serves(app, "GET", "/admin/audit")
    async def head() -> Mapping[str, object]:
        found: AuditHead = {"records": audit.count, "head": audit.head, "failures": audit.failures}
        return found


def describe(keys: KeyRing) -> Keys:
    """Return the accepted keys by name and hash, with the seconds since last use (None: not since the start)."""
    now = boot_seconds()
    seen = {name: round(now - at, 3) for name, at in keys.used.items()}
    shown = [(short(digest), digest) for digest in keys.now.hashes]
    listed: list[AcceptedKey] = [
        {"id": name, "sha256": digest.hex(), "idle_seconds": seen.get(name)} for name, digest in shown
    ]
    return {"generation": keys.now.generation, "keys": listed}
