"""Access to an external server as the app has it: with the key in the app's own variables."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import HIDDEN
from ert_deploy.wiring import Session


def server_of(session: Session, server: External) -> tuple[str, External]:
    """Return the name of the first target's service, and the server with the key that it has.

    Raises UsageError if the app does not use the server yet, or if its host does not tell the key and it is not known
    here either; CannotObserve.
    """
    target = session.desired.targets[0]
    service, names = session.ports.web.service(target.service), target.names
    env = session.ports.web.read_env(service.id)
    url, key = env.get(names.url), env.get(names.key)
    if url is None or key is None or (url != HIDDEN and url.reveal() != server.url):
        raise UsageError(f"{service.name} does not use {server.url} now", hint="`ert-deploy up` connects the app")
    if key != HIDDEN:
        another = server.key is not None and server.key != key
        return service.name, replace(server, key=key, holder=service.name, another=another)
    if server.key is None:
        what = f"{session.ports.web.platform.name} does not tell what {names.key} of {service.name} is"
        raise UsageError(what, hint=f"export {server.variable}=...")
    return service.name, server
