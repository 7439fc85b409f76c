"""`ask`: a question to the model of the deployment, streamed over pinned TLS, with the key of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.access import server_of
from ert_deploy.app.running.access import access_of, chat_with, each_access
from ert_deploy.core.model.errors import UsageError

if TYPE_CHECKING:
    from ert_deploy.adapters.backend.chat import Chat
    from ert_deploy.adapters.backend.external_server import ExternalServer


def chat(config: Config = None, *, progress: Progress = SILENT) -> Chat | ExternalServer:
    """Return the chat with the backend of the first target: `chat().ask(question)` yields the text as it is written.

    Of several replicas it is the first that serves. Raises UsageError if the app uses no backend or its key is not
    known here, and CannotObserve.
    """
    from ert_deploy.adapters.backend.external_server import ExternalServer

    session = opened(config).session(progress, gpu=False)
    if session.desired.external is not None:
        _, server = server_of(session, session.desired.external)
        return ExternalServer(server, float(session.desired.targets[0].timeout))
    if session.desired.replicas == 1:
        return chat_with(session, access_of(session))
    found = {number: chat_with(session, one) for number, one in each_access(session, progress)}
    if not found:
        raise UsageError("the app uses no backend now", hint="`ert-deploy up` rents one and connects the app")
    chosen = next((number for number, one in found.items() if one.serves()), min(found))
    progress.note(f"replica {chosen} is used")
    return found[chosen]
