"""Upstream: a request of a client, sent to the backend that a look has found, with the backend's own key."""

from __future__ import annotations

from ert_deploy.adapters.backend.pinned_stream import Broken, NotSent, Order, Reply, Within, request
from ert_deploy.app.running.access import address_in
from ert_deploy.app.waking.look import Reached
from ert_deploy.core.model.secret import Secret

__all__ = ["COMPLETIONS", "Broken", "NotSent", "Reply", "Within", "complete"]

COMPLETIONS = "/v1/chat/completions"


async def complete(reached: Reached, key: Secret, deployment: str, body: bytes, within: Within) -> Reply:
    """Send the body of a chat completion and return the response once it has begun.

    Raises `NotSent` if nothing was sent, as nothing responds there or another server does, or `Broken`.
    """
    headers = (
        ("Authorization", f"Bearer {key.reveal()}"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    )
    order = Order("POST", COMPLETIONS, headers, body)
    return await request(address_in(reached.url), reached.certificate, deployment, order, within)
