"""`connection`: what another client needs to call the backend: URL, CA file, a command line for curl, the key."""

from __future__ import annotations

import ipaddress
import shlex
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.running.access import Access, access_of, folder_of
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Connection:
    """How to call the backend. `ca_file` has its certificate, `key_name` is the start of the key's SHA-256.

    `curl` is a command line for a shell. The key is in no argument of it: it is read through a pipe.
    """

    service: str
    url: str
    ca_file: Path
    curl: str
    key_name: str
    key: Secret = field(repr=False)

    def header(self) -> str:
        """Return the HTTP header with the key, as `curl -H @-` reads it."""
        return f"Authorization: Bearer {self.key.reveal()}"


def connection(config: Config = None, *, progress: Progress = SILENT) -> Connection:
    """Return how to call the backend of the first target, and write its certificate into the CA file.

    Raises UsageError if the app uses no backend or its key is not known here, CannotObserve, and Failed if the file
    cannot be written.
    """
    session = opened(config).session(progress, gpu=False)
    found = access_of(session)
    file = folder_of(session) / f"{found.deployment}-ca.pem"
    _write(file, found.certificate)
    named = ["-c", str(config)] if isinstance(config, str | Path) else []
    curl = f"{shlex.join(['ert-deploy', 'connection', *named, '--header'])} | {shlex.join(_curl(found, file))}"
    return Connection(found.service, found.url, file, curl, found.key.sha256()[:8], found.key)


def _curl(found: Access, file: Path) -> list[str]:
    """Return curl's arguments. A certificate without the IP address is checked against the deployment's name."""
    words = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", str(file), "-H", "@-"]
    if _names_ip(found.certificate, found.address.ip):
        return [*words, f"{found.url}/v1/models"]
    name, port = f"{found.deployment}.ert.internal", found.address.port
    return [*words, "--connect-to", f"{name}:{port}:{found.address.ip}:{port}", f"https://{name}:{port}/v1/models"]


def _names_ip(certificate: str, ip: str) -> bool:
    """Whether the certificate was issued for this IP address: a name of type 7, with its bytes (RFC 5280, 4.2.1.6)."""
    packed = ipaddress.ip_address(ip).packed
    return bytes([0x87, len(packed)]) + packed in ssl.PEM_cert_to_DER_cert(certificate)


def _write(file: Path, certificate: str) -> None:
    """Write the file, which is public, in one step. Raise Failed."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.tmp")
        temporary.write_text(certificate if certificate.endswith("\n") else f"{certificate}\n", encoding="ascii")
        temporary.replace(file)
    except OSError as error:
        raise Failed(f"{file}: cannot be written: {error.strerror}") from None
