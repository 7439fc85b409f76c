"""How a deploy ends: its final status with a reason, or an injected failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.httpd.echo import LEAST, encoded
from ert_deploy.sandbox.render.fleet import Canceled
from ert_deploy.sandbox.render.models import Deploy, Service
from ert_deploy.sandbox.render.store import Store


class Ended(Exception):
    """Ends a deploy: its final status, and the reason for the events."""

    def __init__(self, status: str, reason: Mapping[str, Any] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.reason = dict(reason or {})


def ambush(store: Store, service: Service, deploy: Deploy, status: str, instance: int = 1) -> None:
    """Raise `Ended` when a failure with this status is due at this new instance, `Canceled` after a cancellation."""
    waiting = store.troubles.next_deploy
    if any(t["kind"] == "deploy_fails" and (t["status"], t["instance"]) == (status, instance) for t in waiting):
        trouble = store.troubles.take("deploy_fails") or {}
        told = _tell(store, service, str(trouble["echo"])) if trouble.get("echo") else {}
        raise Ended(status, {"failure": trouble.get("reason") or told or {"evicted": False, "nonZeroExit": 1}})
    if deploy.cancel.is_set():
        raise Canceled


def _tell(store: Store, service: Service, encoding: str) -> Mapping[str, Any]:
    """Log the environment of a leaking app, and return it as the reason of the event."""
    values = [v for v in store.environment_of(service).values() if len(v) >= LEAST]
    said = [encoded(value, encoding) for value in values]
    for text in said:
        for line in f"cannot use {text}".splitlines():
            store.log(service.id, line)
    return {"unhealthy": "; ".join(said)}
