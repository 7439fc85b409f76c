"""`connection`: what another client needs to call the backend: URL, CA file, a command line for curl, the key."""

from __future__ import annotations

import ipaddress
import shlex
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.access import server_of
from ert_deploy.app.replicas.sessions import must_be_one, of_replica
from ert_deploy.app.running.access import Access, access_of, chat_with, each_access, folder_of
from ert_deploy.core.model.app.external import NO_KEY, External
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.wiring import Session


@dataclass(frozen=True, slots=True)
class Connection:
    """How to call the backend. `ca_file` has its certificate, `key_name` is the start of the key's SHA-256.

    `ca_file` is None for an external server with a certificate of a public CA. `server_name` is the name that the
    certificate is for, where that is not in the URL; else it is empty. `replica` is its number, None for a single one.
    `curl` is a command line for a shell. The key is in no argument of it: it is read through a pipe.
    """

    service: str
    url: str
    ca_file: Path | None
    curl: str
    key_name: str
    key: Secret = field(repr=False)
    model: str = ""
    server_name: str = ""
    replica: int | None = None

    @property
    def base_url(self) -> str:
        """The URL with which OpenAI's clients are made."""
        return f"{self.url}/v1"

    def header(self) -> str:
        """Return the HTTP header with the key, as `curl -H @-` reads it."""
        return f"Authorization: Bearer {self.key.reveal()}"


def connection(config: Config = None, *, replica: int | None = None, progress: Progress = SILENT) -> Connection:
    """Return how to call the backend of the first target, and write its certificate into the CA file.

    Of several replicas it is the first that serves, or `replica`, also one that does not. Raises UsageError if the app
    uses no backend or its key is not known here, CannotObserve, and Failed if the file cannot be written.
    """
    return connections(config, replica=replica, progress=progress)[0]


def connections(
    config: Config = None, *, replica: int | None = None, progress: Progress = SILENT
) -> tuple[Connection, ...]:
    """Return `connection` for each replica that serves, or for `replica` alone, and write all CA files.

    Raises as `connection` does, UsageError also if none of several serves.
    """
    session = opened(config).session(progress, gpu=False)
    if replica is not None:
        must_be_one(session.desired, replica)
    if session.desired.external is not None:
        return (_external(session, session.desired.external, config),)
    if replica is not None or session.desired.replicas == 1:
        return (_made(session, access_of(of_replica(session, replica or 1)), replica or 1, config),)
    found = dict(each_access(session, progress))
    serving = {number: one for number, one in found.items() if chat_with(session, one).serves()}
    for number in sorted(found.keys() - serving.keys()):
        progress.note(f"replica {number} is left out: it does not serve now")
    if not serving:
        raise UsageError("no replica serves now", hint="`ert-deploy wake` starts them; --replica K shows one of them")
    return tuple(_made(session, one, number, config) for number, one in serving.items())


def _made(session: Session, found: Access, replica: int, config: Config) -> Connection:
    """Return how to call one backend; its CA file is written."""
    number = replica if session.desired.replicas > 1 else None
    file = _written(of_replica(session, replica), found.certificate)
    return Connection(
        found.service,
        found.url,
        file,
        _piped(config, _curl(found, file), number),
        found.key.sha256()[:8],
        found.key,
        session.desired.launch.model,
        _server_name(found),
        number,
    )


def _external(session: Session, configured: External, config: Config) -> Connection:
    """Return how to call the external server; its CA file is written if the config names one."""
    service, server = server_of(session, configured)
    key, file = server.key or NO_KEY, None
    if server.certificate:
        file = _written(session, server.certificate)
    trusted = ["--cacert", str(file)] if file is not None else []
    curl = ["curl", "--silent", "--show-error", "--noproxy", "*", *trusted, "-H", "@-", f"{server.url}/v1/models"]
    return Connection(service, server.url, file, _piped(config, curl), key.sha256()[:8], key, server.model)


def _piped(config: Config, curl: list[str], replica: int | None = None) -> str:
    """Return a line for a shell in any folder, in which curl reads the header with the key from a pipe."""
    named = ["-c", str(config)] if isinstance(config, str | Path) else []
    named += ["--replica", str(replica)] if replica is not None else []
    header = f"cd {shlex.quote(str(Path.cwd()))} && {shlex.join(['ert-deploy', 'connection', *named, '--header'])}"
    return f"({header}) | {shlex.join(curl)}"


def _curl(found: Access, file: Path) -> list[str]:
    """Return curl's arguments. A certificate without the IP address is checked against the deployment's name."""
    words = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", str(file), "-H", "@-"]
    name, port = _server_name(found), found.address.port
    if not name:
        return [*words, f"{found.url}/v1/models"]
    return [*words, "--connect-to", f"{name}:{port}:{found.address.ip}:{port}", f"https://{name}:{port}/v1/models"]


def _server_name(found: Access) -> str:
    """Return the name that the certificate is for; empty if it is for the address itself."""
    return "" if _names_ip(found.certificate, found.address.ip) else f"{found.deployment}.ert.internal"


def _names_ip(certificate: str, ip: str) -> bool:
    """Whether the certificate was issued for this IP address: a name of type 7, with its bytes (RFC 5280, 4.2.1.6)."""
    packed = ipaddress.ip_address(ip).packed
    return bytes([0x87, len(packed)]) + packed in ssl.PEM_cert_to_DER_cert(certificate)


def _written(session: Session, certificate: str) -> Path:
    """Write the certificate, which is public, in one step, and return the absolute path of its file. Raise Failed."""
    file = folder_of(session) / f"{session.desired.deployment}-ca.pem"
    try:
        file = Path.cwd() / file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.tmp")
        temporary.write_text(certificate if certificate.endswith("\n") else f"{certificate}\n", encoding="ascii")
        temporary.replace(file)
    except OSError as error:
        raise Failed(f"{file}: cannot be written: {error.strerror}") from None
    return file
