"""`ask`: a question to the model of the deployment, streamed over pinned TLS, with the key of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.access import server_of
from ert_deploy.app.running.access import access_of

if TYPE_CHECKING:
    from ert_deploy.adapters.backend.chat import Chat
    from ert_deploy.adapters.backend.external_server import ExternalServer


def chat(config: Config = None, *, progress: Progress = SILENT) -> Chat | ExternalServer:
    """Return the chat with the backend of the first target: `chat().ask(question)` yields the text as it is written.

    Raises UsageError if the app uses no backend or its key is not known here, and CannotObserve.
    """
    from ert_deploy.adapters.backend.chat import Chat
    from ert_deploy.adapters.backend.external_server import ExternalServer
    from ert_deploy.adapters.bounded_http import is_loopback

    session = opened(config).session(progress, gpu=False)
    if session.desired.external is not None:
        _, server = server_of(session, session.desired.external)
        return ExternalServer(server, float(session.desired.targets[0].timeout))
    found = access_of(session)
    nearby = session.in_sandbox or is_loopback(session.settings.gpu.url)
    model, limit = session.desired.launch.model, found.timeout
    return Chat(found.address, found.certificate, found.key, found.deployment, model, limit, allow_loopback=nearby)
