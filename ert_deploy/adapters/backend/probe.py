"""Backend probe: checks the identity and the health of a GPU backend from outside.

A backend is not trusted until it has proved its identity to this very run, by an HMAC over a nonce of the run and its
certificate, computed with the boot secret that only the container of this deployment was given. Until then only the
nonce is sent. API keys and the admin token are sent only over a connection with a certificate that was checked this
way, whichever certificate a caller passes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from collections.abc import Mapping
from typing import Any

from ert_deploy.adapters.backend import audit, key_admin
from ert_deploy.adapters.backend.figures import figures_of
from ert_deploy.adapters.backend.tls import Line, Stranger, Unreachable, open_pinned, open_unproven
from ert_deploy.adapters.bounded_http import json_of
from ert_deploy.adapters.bounded_socket import Deadline
from ert_deploy.adapters.public_address import objection
from ert_deploy.core.model.errors import NeedsAttention, Transient, UsageError
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Address, Health, OffSwitch, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Entropy

TOTAL = 15.0
NONCE_BYTES = 32
MOST_BYTES = 2**60
_HEX_SECRET = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[\x21-\x7e]+")


class TlsBackendProbe:
    """Backend client over TLS. `total` is the timeout of a whole health check, in seconds.

    `allow_loopback` is for a sandbox on this machine; otherwise only public IP addresses are contacted.
    """

    def __init__(self, entropy: Entropy, *, allow_loopback: bool = False, total: float = TOTAL) -> None:
        self._entropy = entropy
        self._allow_loopback = allow_loopback
        self._total = total
        self._proven: set[tuple[Address, str]] = set()

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        """Check the identity, then the health over a connection pinned to the same certificate. Never raises."""
        deadline = Deadline.after(self._total)
        certificate: str | None = None
        try:
            self._check(address)
            line = _known(address, mark, pinned, deadline) if (address, pinned) in self._proven else None
            certificate = pinned if line else self._prove(address, mark, boot_secret, deadline)
            self._proven.add((address, certificate))
            try:
                with line or open_pinned(address, certificate, mark.family, deadline) as sure:
                    return health_of(*sure.get("/health"), certificate)
            except Stranger as trouble:
                return Health(Vital.UNHEALTHY, str(trouble), certificate=certificate)
        except Stranger as trouble:
            return Health(Vital.IMPOSTOR, str(trouble))
        except (Unreachable, TimeoutError) as trouble:
            return Health(Vital.UNREACHABLE, str(trouble), certificate=certificate)

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        """Whether the server with `certificate` accepts this key; it is not sent to any other server.

        Raises `Transient` without a usable response, `UsageError` for what is no key, `NeedsAttention` if not proven.
        """
        status, _ = self._status(address, certificate, key)
        if status not in (200, 401):
            raise _silent(address, f"it answered {status}")
        return status == 200

    def busy(self, address: Address, certificate: str, key: Secret) -> int:
        """Return how many reports the server with `certificate` is generating or has queued. Raises like `accepts`."""
        status, body = self._status(address, certificate, key)
        queue = _object(body).get("queue")
        if status != 200 or not isinstance(queue, dict):
            raise _silent(address, f"it returned {status} without its queue")
        return _count(queue.get("depth")) + _count(queue.get("active"))

    def figures(self, address: Address, certificate: str, key: Secret) -> Figures:
        """Return what the server with `certificate` reports of itself by its keyed routes. Raises like `accepts`."""
        status, body = self._status(address, certificate, key)
        if status != 200:
            raise _silent(address, "it rejects the key" if status == 401 else f"/status answered {status}")
        try:
            counted, text = self._keyed(address, certificate, key, "/metrics")
        except Transient:
            counted, text = 0, b""
        return figures_of(_object(body), text.decode(errors="replace") if counted == 200 else None)

    def keys_in_force(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
        """Return the generation of the keys and their hashes. Raise `Rejected`, `Transient` or `NeedsAttention`."""
        return key_admin.in_force(*self._admin(address, certificate, boot_secret, ("GET", key_admin.PATH, None)))

    def set_keys(
        self, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        """Replace the keys of the backend with these.

        Raises `StateConflict` when another run changed them, else `Rejected`, `Transient` or `NeedsAttention`.
        """
        body = key_admin.change(generation, hashes)
        key_admin.check_changed(*self._admin(address, certificate, boot_secret, ("PUT", key_admin.PATH, body)))

    def set_limits(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        """Set the limits of the guard, in seconds. Raise `Rejected`, `Transient` or `NeedsAttention`."""
        key_admin.check_limits(*self._admin(address, certificate, boot_secret, key_admin.to_limits(limits)), limits)

    def keep_awake(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        """Begin the idle time of a machine with these limits again. Raise as `set_limits`."""
        key_admin.check_limits(*self._admin(address, certificate, boot_secret, key_admin.to_use(limits)), limits)

    def set_budget(self, address: Address, certificate: str, boot_secret: Secret, seconds: int, serial: int) -> None:
        """Set for how long the machine may run. Raise `Rejected`, `Transient` or `NeedsAttention`."""
        key_admin.check_budget(*self._admin(address, certificate, boot_secret, key_admin.to_budget(seconds, serial)))

    def audit(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[str, ...]:
        """Return the newest lines of its audit log. Raise `Rejected`, `Transient` or `NeedsAttention`."""
        return audit.newest(*self._admin(address, certificate, boot_secret, ("GET", audit.PATH, None)))

    def _admin(
        self, address: Address, certificate: str, boot_secret: Secret, request: tuple[str, str, bytes | None]
    ) -> tuple[int, bytes]:
        """Send a method, a path and a body as the owner of the machine; return the status and the body."""
        method, path, body = request
        headers = key_admin.headers(boot_secret)
        try:
            self._check(address)
            self._must_be_proven(address, certificate)
            with open_pinned(address, certificate, None, Deadline.after(self._total)) as line:
                return line.send(method, path, headers, body)
        except (Stranger, Unreachable, TimeoutError) as trouble:
            raise Transient(f"the backend at {address.ip}:{address.port} did not respond: {trouble}") from trouble

    def _status(self, address: Address, certificate: str, key: Secret) -> tuple[int, bytes]:
        """Return status and body of /status for this key, which is sent only to that server."""
        return self._keyed(address, certificate, key, "/status")

    def _keyed(self, address: Address, certificate: str, key: Secret, path: str) -> tuple[int, bytes]:
        if not _KEY.fullmatch(key.reveal()):
            raise UsageError("the API key is empty or holds characters that no key has")
        try:
            self._check(address)
            self._must_be_proven(address, certificate)
            with open_pinned(address, certificate, None, Deadline.after(self._total)) as line:
                return line.get(path, {"Authorization": f"Bearer {key.reveal()}"})
        except (Stranger, Unreachable, TimeoutError) as trouble:
            raise _silent(address, str(trouble)) from trouble

    def _must_be_proven(self, address: Address, certificate: str) -> None:
        """Raise `NeedsAttention` for a certificate that was not checked by this run, whatever its source."""
        if (address, certificate) not in self._proven:
            raise NeedsAttention(
                f"{Vital.IMPOSTOR}: the server at {address.ip}:{address.port} has not proved its identity",
                "no secret is sent to it",
                "run the command again; if the error persists, the state names a certificate that is not the backend's",
            )

    def _check(self, address: Address) -> None:
        """Reject an IP address that leads into the operator's own network: it is taken from a provider's response."""
        if why := objection(address, allow_loopback=self._allow_loopback):
            raise Unreachable(why)

    def _prove(self, address: Address, mark: Mark, boot_secret: Secret, deadline: Deadline) -> str:
        """Check that the server is the container with that mark, and return its certificate in PEM form."""
        nonce = self._entropy.token_bytes(NONCE_BYTES)
        with open_unproven(address, deadline) as line:
            status, body = line.get(f"/identity?nonce={nonce.hex()}")
            der = line.certificate()
        if status in (408, 429) or status >= 500:
            raise Unreachable(f"/identity answered {status}")
        if status != 200:
            raise Stranger(f"/identity answered {status}")
        _check_identity(_object(body), mark, boot_secret, nonce + hashlib.sha256(der).digest())
        return ssl.DER_cert_to_PEM_cert(der)


def _known(address: Address, mark: Mark, pinned: str, deadline: Deadline) -> Line | None:
    """Open a connection to the server with the pinned certificate; None for another server."""
    try:
        return open_pinned(address, pinned, mark.family, deadline)
    except Stranger:
        return None


def _check_identity(shown: Mapping[str, Any], mark: Mark, boot_secret: Secret, message: bytes) -> None:
    if not _HEX_SECRET.fullmatch(boot_secret.reveal()):
        raise Stranger("there is no boot secret to check its identity with")
    wanted = hmac.new(bytes.fromhex(boot_secret.reveal()), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), str(shown.get("proof")).encode(errors="replace")):
        raise Stranger("it cannot prove its identity")
    if (shown.get("deployment"), shown.get("token")) != (mark.family, mark.token):
        raise Stranger(f"it belongs to {printable(shown.get('deployment'), 40)}, or to another create call")


def _silent(address: Address, reason: str) -> Transient:
    return Transient(f"the backend at {address.ip}:{address.port} could not be called with the key: {reason}")


def health_of(status: int, body: bytes, certificate: str) -> Health:
    """Convert a response of /health from an authenticated backend to a `Health`."""
    shown = _object(body)
    progress = shown.get("progress")
    progress = progress if isinstance(progress, dict) else {}
    phase, word = printable(progress.get("phase") or "", 40), printable(shown.get("status") or "", 40)
    vital, detail = _vital(status, phase, word, shown)
    return Health(
        vital,
        detail=printable(progress.get("detail") or "") or detail,
        phase=phase,
        completed=_count(progress.get("completed")),
        total=_count(progress.get("total")),
        certificate=certificate,
        model=printable(shown.get("model") or "", 120),
        engine=printable(shown.get("engine") or "", 120),
        off_switch=next((state for state in OffSwitch if state.value == shown.get("off_switch")), None),
        limits=key_admin.limits_in(shown.get("limits")),
        misconfigured=progress.get("misconfigured") is True,
    )


def _vital(status: int, phase: str, word: str, shown: Mapping[str, Any]) -> tuple[Vital, str]:
    if phase == "failed" or word == "degraded":
        return Vital.UNHEALTHY, f"it reports {word or phase}"
    if status == 503:
        return Vital.LOADING, phase or word
    if status == 200 and word == "healthy" and shown.get("ollama_status") == "online":
        return Vital.HEALTHY, ""
    return Vital.UNHEALTHY, f"/health answered {status} ({word or 'not in the form we know'})"


def _object(body: bytes) -> Mapping[str, Any]:
    """Parse a JSON object; return an empty mapping for anything else."""
    try:
        shown = json_of(body)
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_BYTES else 0
