"""Servers of a proxy: address, pinned certificate, key and slots of each replica, checked before they become text."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.secret import Secret

MOST_SLOTS = 64
_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{8,512}")  # a bearer token, RFC 6750
_FOLDER = re.compile(r"/[A-Za-z0-9._/-]{1,80}")  # below it are sockets, whose paths have at most 107 bytes
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{1,64}={0,2}\n)+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class ProxyServer:
    """One replica. `slots` is the number of requests that it gets at once; the others wait in the proxy's queue."""

    number: int
    url: str
    certificate: str
    key: Secret
    slots: int = 1

    @property
    def name(self) -> str:
        """The name of the server in both stages."""
        return f"r{self.number}"

    @property
    def address(self) -> str:
        """Address and port as HAProxy reads them; raises `UsageError` for what is no `https` URL of an IP address."""
        parts = urlsplit(self.url)
        try:
            host, port = ipaddress.ip_address(parts.hostname or ""), parts.port or 443
        except ValueError:
            raise self._refused("url is not of the form https://IP:PORT") from None
        if parts.scheme != "https" or parts.path.strip("/") or parts.query or parts.username is not None:
            raise self._refused("url is not of the form https://IP:PORT")
        return f"{host}:{port}" if host.version == 4 else f"[{host}]:{port}"

    @property
    def pin(self) -> str:
        """The certificate without empty lines; raises `UsageError` unless it is a single one in PEM."""
        text = "\n".join(line.strip() for line in self.certificate.splitlines() if line.strip())
        if not _PEM.fullmatch(text):
            raise self._refused("certificate is not a single PEM certificate")
        return text

    @property
    def token(self) -> str:
        """The key; raises `UsageError` if it holds what a header or a line of HAProxy's cannot."""
        if not _KEY.fullmatch(self.key.reveal()):
            raise self._refused("key holds characters that a bearer token cannot have, or has a strange length")
        return self.key.reveal()

    def checked(self) -> ProxyServer:
        """Return this server; raises `UsageError` with its number, never with a value of it."""
        if not 1 <= self.number <= MOST_REPLICAS:
            raise UsageError(f"a proxy has servers from 1 to {MOST_REPLICAS}, not {self.number}")
        if not 1 <= self.slots <= MOST_SLOTS:
            raise self._refused(f"slots are not from 1 to {MOST_SLOTS}")
        _ = self.address, self.pin, self.token
        return self

    def _refused(self, problem: str) -> UsageError:
        return UsageError(f"server {self.number} of the proxy: {problem}")


@dataclass(frozen=True)
class Proxy:
    """A proxy that listens on `port` of the loopback interface, and has its files and sockets in `folder`."""

    port: int
    folder: str
    servers: tuple[ProxyServer, ...]

    def checked(self) -> Proxy:
        """Return this proxy; raises `UsageError` for what HAProxy would not read, or would read as something else."""
        if not 1 <= self.port <= 65535:
            raise UsageError(f"port {self.port} of the proxy is not from 1 to 65535")
        if not _FOLDER.fullmatch(self.folder):
            what = "the folder of the proxy is not an absolute path of at most 81 letters, digits, '.', '_' and '-'"
            raise UsageError(what, hint="--folder names another one; sockets are in it, whose paths have a limit")
        numbers = [server.checked().number for server in self.servers]
        if not numbers or len(set(numbers)) != len(numbers):
            raise UsageError("a proxy needs at least one server, and each number once")
        return self
