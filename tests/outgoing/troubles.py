"""Faults of a network call: redirect, .netrc entry, private CA, slow response, endless response."""

from __future__ import annotations

import base64
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ert_deploy.adapters.bounded_http import KIB, Bounds
from ert_deploy.adapters.bounded_transport import CA_VARIABLES
from tests.outgoing.calls import Outgoing, shortened
from tests.support.certificates.ip_bound import Pair, pair
from tests.support.doubles.scripted_http import Answer, Reaction, Script, scripted

PATIENT = Bounds(connect=10.0, read=10.0, total=20.0, size=256 * KIB)
QUICK = Bounds(connect=2.0, read=2.0, total=0.6, size=256 * KIB)
LONGEST = 15.0  # seconds for a call with its retries, each limited by QUICK
PASSWORD = "netrc-password"
STOLEN = base64.b64encode(f"thief:{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Seen:
    """Result of one call with one fault: whether the check passes, and a description."""

    held: bool
    words: str


# Not bounded, as documented in `docs/outgoing-calls.md`.
ADMITTED = Seen(True, "the engine is the operator's own: 600 s between two bytes, nothing in all")
Trouble = Callable[[Outgoing], Seen]


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Remove all certificates, proxies and .netrc files from the environment except those in `values`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*CA_VARIABLES, "AWS_CA_BUNDLE", "NETRC", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@contextmanager
def authority(certificate: Pair | None = None) -> Iterator[str]:
    """Create a file with the certificate of a private CA, by default the one of the test servers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ca.pem")
        path.write_text((certificate or pair()).pem)
        yield str(path)


@contextmanager
def server(call: Outgoing, reaction: Reaction) -> Iterator[Script]:
    with scripted({"*": reaction}, pair().context() if call.tls else None) as script:
        yield script


def made(call: Outgoing, script: Script, bounds: Bounds) -> tuple[bool, str]:
    """Return whether the caller accepted the response, and the text of the error otherwise."""
    try:
        with shortened(bounds):
            answer = call.run(script, bounds)
    except Exception as error:
        return False, f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
    return (False, f"no answer ({answer!r})") if any(answer is none for none in call.nothing) else (True, "answered")


def good(call: Outgoing) -> Seen:
    """Run the call without a fault; it must return a result."""
    with authority() as ca, environment(SSL_CERT_FILE=ca), server(call, call.good) as script:
        taken, words = made(call, script, PATIENT)
    return Seen(taken and bool(script.seen), words)


def redirect(status: int) -> Trouble:
    """Redirect to another server. The call must not use either response and must not send a request there."""

    def play(call: Outgoing) -> Seen:
        with (
            authority() as ca,
            environment(SSL_CERT_FILE=ca),
            server(call, call.good) as other,
            server(call, lambda seen: away(call.good(seen), other.url + seen.path)) as script,
        ):
            taken, words = made(call, script, PATIENT)
        return Seen(not taken and bool(script.seen) and not other.seen, words)

    def away(answer: Answer, location: str) -> Answer:
        return replace(answer, status=status, headers={**answer.headers, "Location": location})

    return play


def netrc(call: Outgoing) -> Seen:
    """Add a .netrc entry for the host, which must neither be sent nor replace the caller's key."""
    with authority() as ca, server(call, call.good) as script:
        path = Path(ca).with_name("netrc")
        path.write_text(f"machine 127.0.0.1 login thief password {PASSWORD}\ndefault login thief password {PASSWORD}\n")
        path.chmod(0o600)
        with environment(SSL_CERT_FILE=ca, NETRC=str(path)):
            taken, _ = made(call, script, PATIENT)
    sent = [one.headers.get("Authorization") for one in script.seen]
    own = all(one is None if call.authorization is None else (one or "").startswith(call.authorization) for one in sent)
    stolen = any(STOLEN in str(one.headers) or PASSWORD in str(one.headers) for one in script.seen)
    return Seen(taken and own and not stolen, "own credential" if call.authorization else "none sent")


def private_ca(call: Outgoing) -> Seen:
    """Use a private CA: the call fails if it is unknown and works if configured, except for a pinned certificate."""
    if not call.tls:
        return Seen(True, "DOCKER_CERT_PATH names it")
    with authority() as ca, authority(pair(number=5)) as another, server(call, call.good) as script:
        with environment(SSL_CERT_FILE=another):
            unknown, _ = made(call, script, PATIENT)
        asked = bool(script.seen)
        with environment(SSL_CERT_FILE=ca):
            known, words = made(call, script, PATIENT)
    if call.pinned:
        return Seen(unknown and known, "pinned; the environment is not asked")
    return Seen(known and not unknown and not asked, "works when named, else nothing sent" if known else words)


def trickle(answer: Answer) -> Trouble:
    """Send one byte at a time; the call must stop at its deadline."""

    def play(call: Outgoing) -> Seen:
        if not call.bounded:
            return ADMITTED
        started = time.monotonic()
        with authority() as ca, environment(SSL_CERT_FILE=ca), server(call, lambda _: answer) as script:
            taken, words = made(call, script, QUICK)
            lasted = time.monotonic() - started
        return Seen(not taken and lasted < LONGEST, f"{lasted:.1f} s, {words}")

    return play


def endless(call: Outgoing) -> Seen:
    """Send a response above the size limit; the call must abort the read."""
    if not call.bounded:
        return ADMITTED
    large = Answer(200, b" " * 4 * KIB * KIB)
    with authority() as ca, environment(SSL_CERT_FILE=ca), server(call, lambda _: large) as script:
        taken, words = made(call, script, PATIENT)
    return Seen(not taken, words)


TROUBLES: dict[str, Trouble] = {
    "none": good,
    "302": redirect(302),
    "307": redirect(307),
    ".netrc": netrc,
    "private CA": private_ca,
    "trickling header": trickle(Answer(200, {}, endless=0.05)),
    "trickling body": trickle(Answer(200, b" " * 10_000, trickle=0.05)),
    "endless body": endless,
}


def play(call: Outgoing, trouble: str) -> Seen:
    """Run one combination of call and fault."""
    return TROUBLES[trouble](call)
