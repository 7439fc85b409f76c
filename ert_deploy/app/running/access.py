"""Access to a backend as its app has it: address, key and certificate, from the app's own variables."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ert_deploy.app.deployment import Progress
from ert_deploy.app.replicas.sessions import of_replica
from ert_deploy.config import state_of
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.model.text import printable
from ert_deploy.wiring import Session

if TYPE_CHECKING:
    from ert_deploy.adapters.backend.chat import Chat


@dataclass(frozen=True, slots=True)
class Access:
    """What an app uses to call its backend. `timeout` is in seconds."""

    deployment: str
    service: str
    address: Address
    certificate: str
    key: Secret = field(repr=False)
    timeout: float

    @property
    def url(self) -> str:
        """The base URL."""
        return self.address.url()


def access_of(session: Session) -> Access:
    """Return the access of the first target of the config.

    Raises UsageError if the app uses no backend now, or if its host does not tell the key; CannotObserve.
    """
    target = session.desired.targets[0]
    service = session.ports.web.service(target.service)
    env, names = session.ports.web.read_env(service.id), target.names
    found = [env.get(name) for name in (names.url, names.key, names.certificate)]
    if not all(found):
        raise UsageError(f"{service.name} uses no backend now", hint="`ert-deploy up` rents one and connects the app")
    url, key, certificate = (value or HIDDEN for value in found)
    if HIDDEN in (url, key, certificate):
        raise UsageError(
            f"{session.ports.web.platform.name} does not tell what {names.key} of {service.name} is",
            hint="`keys/custody` in the config has the key kept here from the next `ert-deploy key rotate` on",
        )
    deployment, address = replica_of(session.desired.deployment)[0], address_in(url.reveal())
    return Access(deployment, service.name, address, certificate.reveal(), key, float(target.timeout))


def each_access(session: Session, progress: Progress) -> Iterator[tuple[int, Access]]:
    """Yield the access of each replica by its number; one that the app does not use is left out and noted.

    Raises UsageError for a single machine that it does not use, and CannotObserve.
    """
    for number in range(1, session.desired.replicas + 1):
        try:
            yield number, access_of(of_replica(session, number))
        except UsageError as error:
            if session.desired.replicas == 1:
                raise
            progress.note(f"replica {number} is left out: {error.summary}")


def chat_with(session: Session, found: Access) -> Chat:
    """Return the chat with a backend, which also tells whether it serves."""
    from ert_deploy.adapters.backend.chat import Chat
    from ert_deploy.adapters.bounded_http import is_loopback

    nearby = session.in_sandbox or is_loopback(session.settings.gpu.url)
    model, limit = session.desired.launch.model, found.timeout
    return Chat(found.address, found.certificate, found.key, found.deployment, model, limit, allow_loopback=nearby)


def folder_of(session: Session) -> Path:
    """Return the folder of this deployment's files on this machine: that of the state, if it is a file."""
    place = state_of(session.settings, session.desired.deployment)
    return place.parent if isinstance(place, Path) else Path(".ert")


def address_in(url: str) -> Address:
    """Return the address in a URL. Raise UsageError unless it is https to an IP address."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
        ip = str(ipaddress.ip_address(parts.hostname or ""))
    except ValueError:
        parts, port, ip = urlsplit(""), 0, ""
    if parts.scheme != "https" or not ip:
        raise UsageError(f"the app's backend {printable(url, 80)} is not one that ert-deploy has rented")
    return Address(ip, port)
