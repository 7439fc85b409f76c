"""Routes under `/admin` for the operator: accepted keys, limits and budget of the off-switch, head of the audit log.

They require the admin token (`keyring.admin_token`), never an app's key. A change of keys takes two calls: the old and
the new hash under the next generation, then, once the application has used the new key, the new hash alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, HTTPException

from ert_backend.api.admin_body import BudgetChange, KeyChange, LimitsChange
from ert_backend.api.bodies import AcceptedKey, AuditHead, GuardBudget, Keys
from ert_backend.api.operations import serves
from ert_backend.api.responses import describe_limits
from ert_backend.base.activity import Ledger
from ert_backend.base.clock import boot_seconds
from ert_backend.edge.audit import Audit
from ert_backend.edge.key_store import KeyRing, Stale, parse_hashes, short


def routes(app: FastAPI, keys: KeyRing, audit: Audit, ledger: Ledger) -> None:
    """Add the routes under `/admin`."""

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
        ledger.sign(keys.word_keys())
        names = ",".join(short(digest) for digest in keys.now.hashes)
        audit.record("admin", "keys", names, generation=keys.now.generation)
        return describe(keys)

    @serves(app, "PUT", "/admin/limits")
    async def limit(body: LimitsChange) -> Mapping[str, object]:
        limits = body.limits()
        if body.in_use and ledger.used(limits):
            return describe_limits(limits)  # sent every few minutes: no news for disk and audit log
        try:
            ledger.limit(limits)
        except OSError:
            raise HTTPException(503, "The disk rejected the write; nothing changed", {"Retry-After": "5"}) from None
        seconds = f"{limits.idle_stop},{limits.boot_deadline},{limits.max_lifetime}"
        audit.record("admin", "limits", seconds)
        return describe_limits(limits)

    @serves(app, "PUT", "/admin/budget")
    async def budget(body: BudgetChange) -> Mapping[str, object]:
        ledger.grant(body.grant())
        audit.record("admin", "budget", f"{body.seconds},{body.serial}")
        found: GuardBudget = {"seconds": body.seconds, "serial": body.serial}
        return found

    @serves(app, "GET", "/admin/audit")
    async def head() -> Mapping[str, object]:
        lines = list(audit.newest)
        found: AuditHead = {"records": audit.count, "head": audit.head, "failures": audit.failures, "newest": lines}
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
