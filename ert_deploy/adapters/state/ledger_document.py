"""Ledger serialization: format, checksum and ledger, independent of the store. It contains no secret."""

from __future__ import annotations

import json
from typing import Any

from ert_deploy.adapters.state.document import MAX_BYTES, digest
from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.ledger.plain import VERSION, from_json, to_json
from ert_deploy.core.model.errors import Damaged, UsageError

FORMAT = "ert-deploy ledger"
MOST_WORDS = 300  # characters of an error message, which may quote a large part of the file
AGAIN = "rename it: the next run begins a new one, and the provider's charges fill it"


def encode(ledger: Ledger) -> bytes:
    """Serialize a ledger."""
    body = to_json(ledger)
    return json.dumps({"format": FORMAT, "sha256": digest(body), "ledger": body}, indent=1).encode()


def decode(raw: bytes, where: str, deployment: str) -> Ledger:
    """Parse a ledger. Raise `Damaged` when it is corrupt, `UsageError` when it is newer or of another deployment."""
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("larger than any valid ledger")
        document = json.loads(raw, parse_constant=_no_number)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("not a ledger of ert-deploy")
        body = document.get("ledger")
        _refuse_newer(body, where)
        if document.get("sha256") != digest(body):
            raise ValueError("the checksum does not match")
        ledger = from_json(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise Damaged(f"{where}: corrupt ledger: {str(error)[:MOST_WORDS]}", hint=AGAIN) from error
    if ledger.deployment != deployment:
        raise UsageError(f"{where}: holds deployment {ledger.deployment!r}, not {deployment!r}")
    return ledger


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")


def _refuse_newer(body: Any, where: str) -> None:
    version = body.get("version") if isinstance(body, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{where}: written by a newer ert-deploy (ledger version {version}, this one reads {VERSION})",
            hint="upgrade ert-deploy",
        )
