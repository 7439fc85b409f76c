"""Registry client: reads the manifest of an image or a model without a login, as a rented host would.

    GET /v2/NAME/manifests/REFERENCE      200; 401 with a challenge; 404
    GET REALM?service=..&scope=..         the anonymous token that a `Bearer` challenge requires
    GET /v2/NAME/blobs/DIGEST             the image's configuration: its platform, and what its container runs

Sources: the OCI distribution specification and its token authentication; Ollama's registry has the same manifests.
No credential is sent to anybody. A registry on this machine is read over http, any other over https and on public
addresses only. What could not be read is `Access.UNREAD`, never missing; a configuration that could not be read leaves
only its own fields unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange, is_loopback
from ert_deploy.adapters.bounded_socket import Deadline, loopback, public
from ert_deploy.core.launching.manifest import PLATFORM, UNASKED, Access, Manifest, container_fields
from ert_deploy.core.model.text import printable

BOUNDS = Bounds(connect=5.0, read=10.0, total=15.0, size=4 * KIB * KIB)
OVER = 40.0  # real seconds for all requests about one name
REDIRECTS = 2  # of a blob, which may be kept elsewhere
_KINDS = (
    "oci.image.index.v1",
    "docker.distribution.manifest.list.v2",
    "oci.image.manifest.v1",
    "docker.distribution.manifest.v2",
)
ACCEPT = ", ".join(f"application/vnd.{kind}+json" for kind in _KINDS)
HUB, HUB_API = "docker.io", "registry-1.docker.io"
MODELS = "registry.ollama.ai"
_FIELD = re.compile(r'(\w+)="([^"]*)"')
DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a registry: `host[:port]`, the repository, and a tag or digest."""

    host: str
    repository: str
    reference: str

    @property
    def url(self) -> str:
        """Return the base URL of the repository."""
        scheme = "http" if is_loopback(f"http://{self.host}") else "https"
        return f"{scheme}://{self.host}/v2/{self.repository}"


def image_name(image: str) -> Name:
    """Return the parts of an image as Docker reads it: no host means Docker Hub, and no tag `latest`."""
    name = _name(image, HUB, "library")
    return Name(HUB_API, name.repository, name.reference) if name.host in (HUB, f"index.{HUB}") else name


def model_name(model: str) -> Name:
    """Return the parts of a model as Ollama reads it: no host means its own registry, and no tag `latest`."""
    return _name(model, MODELS, "library")


def _name(text: str, host: str, namespace: str) -> Name:
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, text = first, rest
    path, at, digest = text.partition("@")
    path, _, tag = path.partition(":")
    repository = path if "/" in path or (slash and text is rest) else f"{namespace}/{path}"
    return Name(host, repository, digest if at else tag or "latest")


class Registries:
    """Port `Registries` over HTTP. With `loopback_only` no other is read, as in the sandbox."""

    def __init__(self, *, loopback_only: bool = False) -> None:
        self._loopback_only = loopback_only

    def image(self, image: str) -> Manifest:
        """Return the manifest of an image, or why there is none. Never raises."""
        return self._read(image_name(image))

    def model(self, model: str) -> Manifest:
        """Return the manifest of a model, or why there is none. Never raises."""
        return self._read(model_name(model))

    def _read(self, name: Name) -> Manifest:
        here = is_loopback(f"http://{name.host}")
        if self._loopback_only and not here:
            return UNASKED
        try:
            return _Reading(name, Deadline.after(OVER), here=here).manifest()
        except NoAnswer as error:
            return Manifest(Access.UNREAD, f"{name.host}: {error.reason}")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Manifest(Access.UNREAD, f"{name.host} returned an invalid response")


class _Reading:
    """Requests about one name, with the token that its registry gave for it."""

    def __init__(self, name: Name, deadline: Deadline, *, here: bool) -> None:
        self._name, self._deadline, self._here = name, deadline, here
        self._token = ""

    def manifest(self) -> Manifest:
        reply = self._get(f"{self._name.url}/manifests/{self._name.reference}")
        if reply.status == 401 and (refused := self._log_in(reply)) is not None:
            return refused
        if reply.status == 401:
            reply = self._get(f"{self._name.url}/manifests/{self._name.reference}")
        if reply.status != 200:
            return _refused(self._name, reply)
        body = reply.json()
        return self._of_index(body["manifests"]) if "manifests" in body else self._of_one(body)

    def _of_index(self, rows: list[dict[str, Any]]) -> Manifest:
        by_platform = {_platform(row["platform"]): row["digest"] for row in rows if "platform" in row}
        platforms = tuple(sorted(name for name in by_platform if "unknown" not in name))
        if PLATFORM not in by_platform:
            return Manifest(Access.FOUND, platforms=platforms)
        child = self._get(f"{self._name.url}/manifests/{by_platform[PLATFORM]}")
        found = self._of_one(child.json()) if child.status == 200 else Manifest(Access.FOUND)
        return replace(found, platforms=platforms)

    def _of_one(self, body: Mapping[str, Any]) -> Manifest:
        made = self._configuration(body.get("config"))
        found = Manifest(Access.FOUND, layers=_layers(body))
        if "architecture" not in made:  # not there, or of a model
            return found
        return replace(found, platforms=(_platform(made),), **container_fields(made.get("config")))

    def _configuration(self, about: Any) -> Mapping[str, Any]:
        """Return the configuration of an image; empty if it is not there or cannot be read."""
        if not isinstance(about, dict):
            return {}
        url, token = f"{self._name.url}/blobs/{about['digest']}", self._token
        try:
            for _ in range(REDIRECTS + 1):
                reply = self._get(url, token)
                if not 300 <= reply.status < 400:
                    break
                url, token = urljoin(url, reply.headers["Location"]), ""
            made = reply.json() if reply.status == 200 else {}
        except (NoAnswer, ValueError, KeyError):
            return {}
        return made if isinstance(made, dict) else {}

    def _log_in(self, reply: Reply) -> Manifest | None:
        """Get an anonymous token; return the result instead if the registry gives none."""
        kind, _, rest = reply.headers.get("WWW-Authenticate", "").partition(" ")
        given = dict(_FIELD.findall(rest))
        if kind.lower() != "bearer" or "realm" not in given:
            return Manifest(Access.WITHHELD, _words(reply))
        query = urlencode({name: given[name] for name in ("service", "scope") if name in given})
        answer = self._get(f"{given['realm']}?{query}")
        if answer.status != 200:
            return _refused(self._name, answer, missing=Access.UNREAD)
        body = answer.json()
        self._token = str(body.get("token") or body["access_token"])
        return None

    def _get(self, url: str, token: str | None = None) -> Reply:
        token = self._token if token is None else token
        if self._deadline.over:
            raise NoAnswer("it did not finish in time", sent=True)
        if not self._here and urlsplit(url).scheme != "https":
            raise NoAnswer("it refers to an address that is not https", sent=False)
        sent = {"Accept": ACCEPT} | ({"Authorization": f"Bearer {token}"} if token else {})
        return exchange("GET", url, BOUNDS, headers=sent, reach=loopback if self._here else public)


def _refused(name: Name, reply: Reply, missing: Access = Access.MISSING) -> Manifest:
    """Return what a response other than 200 means; anything unusual, such as a rate limit, is `UNREAD`."""
    if reply.status in DENIED:
        return Manifest(Access.WITHHELD, _words(reply))
    if reply.status == 404:
        return Manifest(missing, _words(reply))
    return Manifest(Access.UNREAD, f"{name.host}: status {reply.status}, {_words(reply)}")


def _words(reply: Reply) -> str:
    """Return the registry's message, safe to print."""
    try:
        first = reply.json()["errors"][0]
        return printable(first.get("message") or first.get("code") or "", 160)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return f"status {reply.status}"


def _platform(row: Mapping[str, Any]) -> str:
    return printable(f"{row.get('os') or 'linux'}/{row['architecture']}", 40)


def _layers(body: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(layer["size"]) for layer in body.get("layers") or ())
