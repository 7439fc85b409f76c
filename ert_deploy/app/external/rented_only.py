"""Refusal of commands for a rented machine where the apps use an external server, or where none can be listed."""

from __future__ import annotations

from ert_deploy.app.deployment import Deployment
from ert_deploy.core.model.errors import UsageError
from ert_deploy.wiring import Session


def rented_only(deployment: Deployment, command: str, instead: str = "") -> None:
    """Raise UsageError for a deployment with an external server; `instead` is what to do in place of it."""
    server, cloud = deployment.settings.desired.external, deployment.settings.gpu.provider
    if server is not None:
        raise UsageError(
            f"`{command}` is for a rented machine, and {deployment.name} uses the external server {server.url}",
            hint=instead or f"`ert-deploy status` checks the server; `up` rents with providers/gpu: {cloud.section}",
        )


def must_list(session: Session) -> None:
    """Raise UsageError if there is no key of the GPU cloud, so that its instances cannot be listed."""
    source = session.settings.gpu.key
    if not session.desired.cloud.readable:
        raise UsageError(f"no {source.what}: {source.env} is not set", hint=f"export {source.env}=...")


def note_unlisted(session: Session) -> str:
    """Return what a run without a key of the GPU cloud cannot know; empty if it can."""
    gpu = session.settings.gpu
    if session.desired.cloud.readable:
        return ""
    return f"{gpu.key.env} is not set: what is rented at {gpu.provider.name} is not listed; the state names nothing"
