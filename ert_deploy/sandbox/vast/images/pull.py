"""Image pull: reads the manifest in a registry on loopback, as a Docker engine does, with the login of the create call.

Names of other registries are not asked for and count as public images that exist, because the sandbox reaches loopback
only. The texts are those of Docker's engine: `no basic auth credentials` as seen with Docker 20.10 and the registry
double, the others as in field reports of `status_msg`.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from ert_deploy.sandbox.runtime.loopback_only.sitecustomize import is_loopback

TIMEOUT = 3.0  # real seconds
ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, */*"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_NAME = re.compile(r"([^/]+:\d+)/(.+?)(?:@(sha256:[0-9a-f]{64})|:([\w.-]+))?")


class Image(NamedTuple):
    """An image in a registry: `host:port`, the name in it, and a tag or digest."""

    host: str
    name: str
    reference: str


def read_image(image: str) -> Image | None:
    """Return the parts of an image of a registry on loopback, or None for one of any other registry."""
    found = _NAME.fullmatch(image)
    if found is None or not is_loopback(found[1].rpartition(":")[0]):
        return None
    return Image(found[1], found[2], found[3] or found[4] or "latest")


def refusal(image: str, login: str | None) -> str | None:
    """Return what the engine of the host says when it cannot pull the image, or None when it can.

    `login` is that of the create call: `-u USER -p TOKEN registry.host`.
    """
    wanted = read_image(image)
    if wanted is None:
        return None
    try:
        return _ask(image, wanted, _basic(login, wanted.host))
    except (OSError, HTTPException, ValueError) as error:
        return f'failed to resolve reference "{image}": {error}'


def _ask(image: str, wanted: Image, basic: str | None) -> str | None:
    path = f"/v2/{wanted.name}/manifests/{wanted.reference}"
    status, challenge, _ = _get(wanted.host, path, None)
    if status == 401 and challenge.startswith("Bearer"):
        fields = dict(_CHALLENGE.findall(challenge))
        realm = urlsplit(fields["realm"])
        query = urlencode({"service": fields.get("service", ""), "scope": fields.get("scope", "")})
        status, _, body = _get(realm.netloc, f"{realm.path}?{query}", basic)
        if status != 200:
            return f'Head "http://{wanted.host}{path}": unauthorized: authentication required'
        status, _, _ = _get(wanted.host, path, f"Bearer {json.loads(body)['token']}")
    elif status == 401:
        if basic is None:
            return f'Head "http://{wanted.host}{path}": no basic auth credentials'
        status, _, _ = _get(wanted.host, path, basic)
    if status == 200:
        return None
    if status == 404:
        return f"manifest for {image} not found: manifest unknown: manifest unknown"
    repository = f"{wanted.host}/{wanted.name}"
    return (
        f"pull access denied for {repository}, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied"
    )


def _basic(login: str | None, host: str) -> str | None:
    """Return the header of the login, if it is one for this registry."""
    words = shlex.split(login or "")
    flags = dict(zip(words[:-1:2], words[1:-1:2], strict=False))
    if not words or words[-1] != host or not {"-u", "-p"} <= set(flags):
        return None
    return "Basic " + base64.b64encode(f"{flags['-u']}:{flags['-p']}".encode()).decode()


def _get(host: str, path: str, authorization: str | None) -> tuple[int, str, bytes]:
    """Return status, challenge and body. Raises `OSError` or `HTTPException`; `ValueError` off loopback."""
    if not is_loopback(host.rpartition(":")[0]):
        raise ValueError(f"the sandbox reaches loopback only, not {host}")
    connection = HTTPConnection(host, timeout=TIMEOUT)
    try:
        headers = {"Accept": ACCEPT} | ({} if authorization is None else {"Authorization": authorization})
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("WWW-Authenticate") or "", answer.read()
    finally:
        connection.close()
