"""Admin routes for the operator: list and replace the accepted keys, and read the head of the audit log.

They require the admin token (`keyring.admin_token`), never an application's key. Rotation takes two calls: the old and
the new hash under the next generation, then, once the application has used the new key, the new hash alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ert_backend.base.clock import boot_seconds
from ert_backend.edge.audit import Audit
from ert_backend.edge.key_store import MOST, KeyRing, Stale, parse_hashes, short

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class KeyChange(BaseModel):
    """The new set of accepted keys, as SHA-256; `generation` increases with every change."""

    model_config = ConfigDict(extra="forbid", strict=True)
    generation: int = Field(ge=1, le=2**53)
    hashes: list[Hash] = Field(min_length=1, max_length=MOST)


def routes(app: FastAPI, keys: KeyRing, audit: Audit) -> None:
    """Add the admin routes."""

    @app.get("/admin/keys")
    async def show() -> dict[str, Any]:
        return describe(keys)

    @app.put("/admin/keys")
    async def change(body: KeyChange) -> dict[str, Any]:
        try:
            keys.replace(body.generation, parse_hashes(body.hashes))
        except Stale as stale:
            raise HTTPException(409, f"The generation in force is {stale.generation}") from None
        except OSError:
            raise HTTPException(503, "The disk rejected the write; nothing changed", {"Retry-After": "5"}) from None
        names = ",".join(short(digest) for digest in keys.now.hashes)
        audit.record("admin", "keys", names, generation=keys.now.generation)
        return describe(keys)

    @app.get("/admin/audit")
    async def head() -> dict[str, Any]:
        return {"records": audit.count, "head": audit.head, "failures": audit.failures}


def describe(keys: KeyRing) -> dict[str, Any]:
    """Return the accepted keys by name and hash, with the seconds since last use (None: not since the start)."""
    now = boot_seconds()
    seen = {name: round(now - at, 3) for name, at in keys.used.items()}
    shown = [(short(digest), digest) for digest in keys.now.hashes]
    listed = [{"id": name, "sha256": digest.hex(), "idle_seconds": seen.get(name)} for name, digest in shown]
    return {"generation": keys.now.generation, "keys": listed}
