"""Registry server on loopback: the HTTP API v2 of the OCI distribution specification, in memory.

    GET /v2/                                    200, or 401 with a challenge when it requires a login
    GET /token                                  a token for the scope, for the login of the request or for nobody
    HEAD|GET  /v2/<name>/blobs/<digest>         200 or 404
    POST /v2/<name>/blobs/uploads/              202 with a Location; PATCH appends bytes; PUT ?digest= verifies them
    PUT|GET|HEAD /v2/<name>/manifests/<ref>     201 with `Docker-Content-Digest`; the layers of a manifest must exist

Every digest is computed here; a mismatch is rejected. The challenge is `Bearer` with the address for tokens, as of the
public registries (distribution specification, token authentication), or `Basic`, as of a small registry of one's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ert_deploy.sandbox.httpd.server import Handler, Reply, Request, Router, Server

MAX_BODY = 2 * 1024**3
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BACKEND: dict[str, Any] = {  # of a configuration: what images/llm-backend/Dockerfile makes
    "Entrypoint": ["python", "-m", "ert_backend.guard"],
    "Cmd": None,
    "User": "10001:10001",
    "ExposedPorts": {"8443/tcp": {}},
    "Labels": {"ert.backend.contract": "1"},
}
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


def digest_of(content: bytes) -> str:
    """Return the digest of a blob or manifest, such as `sha256:..`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Registry:
    """A context manager. `login` is `user:password`, or empty for none; `public` are names that need none to pull."""

    login: str = ""
    challenge: Literal["basic", "token"] = "basic"
    public: frozenset[str] = frozenset()
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        router = Router(self._guarded)
        for methods, pattern, operation, handler in (
            ("GET HEAD", "/v2/", "version", lambda _: _reply(200, b"{}")),
            ("GET", "/token/", "token", self._token),
            ("POST", "/v2/{name*}/blobs/uploads/", "push", self._begin),
            ("PATCH PUT", "/v2/{name*}/blobs/uploads/{place}/", "push", self._upload),
            ("GET HEAD", "/v2/{name*}/blobs/{digest}/", "pull", self._blob),
            ("GET HEAD", "/v2/{name*}/manifests/{reference}/", "pull", self._manifest),
            ("PUT", "/v2/{name*}/manifests/{reference}/", "push", self._publish),
        ):
            for method in methods.split():
                router.add(method, pattern, operation, handler)
        self._tokens: dict[str, bool] = {}
        self._server = Server(router, max_body=MAX_BODY)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def address(self) -> str:
        """`host:port`, the beginning of the names of its images."""
        return f"127.0.0.1:{self._server.port}"

    def publish(
        self, name: str, tag: str, *platforms: str, size: int = 1000, container: Mapping[str, Any] | None = BACKEND
    ) -> str:
        """Add an image of `size` bytes without pushing it; return its digest.

        With one of the `platforms`, such as `linux/amd64`, its configuration names it; with several it is an index
        with a manifest for each. `container` is what the configuration has for the container, None for nothing.
        """
        made = [self._image(name, platform, size, container) for platform in platforms or ("linux/amd64",)]
        digest, kind, content = made[0]
        if len(made) > 1:
            rows = [
                {"mediaType": one[1], "digest": one[0], "size": len(one[2]), "platform": _parts(platform)}
                for one, platform in zip(made, platforms, strict=True)
            ]
            content, kind = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}).encode(), INDEX
            digest = digest_of(content)
        self.manifests[f"{name}:{tag}"] = self.manifests[f"{name}@{digest}"] = (kind, content)
        return digest

    def _image(
        self, name: str, platform: str, size: int, container: Mapping[str, Any] | None
    ) -> tuple[str, str, bytes]:
        """Add the configuration and the manifest of an image; return the manifest's digest, type and content."""
        config = json.dumps(_parts(platform) | ({} if container is None else {"config": container})).encode()
        self.blobs[digest_of(config)] = config
        layers = [{"digest": digest_of(f"{name} {platform}".encode()), "size": size}]
        whole = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": digest_of(config)}, "layers": layers}
        content = json.dumps(whole).encode()
        self.manifests[f"{name}@{digest_of(content)}"] = (MANIFEST, content)
        return digest_of(content), MANIFEST, content

    def _guarded(self, request: Request, handler: Handler) -> Reply:
        if request.operation == "token" or not self.login or self._may(request):
            return handler(request)
        challenge = 'Basic realm="registry"'
        if self.challenge == "token":
            scope = (
                f"repository:{request.params.get('name', '')}:{'pull,push' if request.operation == 'push' else 'pull'}"
            )
            challenge = f'Bearer realm="http://{self.address}/token",service="{self.address}",scope="{scope}"'
        return _error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})

    def _may(self, request: Request) -> bool:
        """Whether the request has the login, or a token that allows it."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        known = kind == "Bearer" and value in self._tokens
        if request.operation == "pull" and request.params["name"] in self.public:
            return known or self.challenge == "basic"
        return self._tokens[value] if known else self.challenge == "basic" and self._logged_in(request)

    def _logged_in(self, request: Request) -> bool:
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        return secrets.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode())

    def _token(self, request: Request) -> Reply:
        """Return a token; without a login it is an anonymous one, a wrong login is a 401."""
        asked = "Authorization" in request.headers
        if asked and not self._logged_in(request):
            return _error(401, "UNAUTHORIZED", "authentication required")
        token = secrets.token_hex(16)
        self._tokens[token] = asked
        return _reply(200, json.dumps({"token": token, "access_token": token, "expires_in": 300}).encode())

    def _begin(self, request: Request) -> Reply:
        place = secrets.token_hex(8)
        self.uploads[place] = b""
        return self._accepted(request, place)

    def _upload(self, request: Request) -> Reply:
        place = request.params["place"]
        if place not in self.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        self.uploads[place] += request.body
        if request.method == "PATCH":
            return self._accepted(request, place)
        content, digest = self.uploads.pop(place), request.one("digest") or ""
        if digest_of(content) != digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[digest] = content
        location = f"/v2/{request.params['name']}/blobs/{digest}"
        return _reply(201, b"", {"Location": location, "Docker-Content-Digest": digest})

    def _accepted(self, request: Request, place: str) -> Reply:
        headers = {
            "Location": f"/v2/{request.params['name']}/blobs/uploads/{place}",
            "Range": f"0-{max(0, len(self.uploads[place]) - 1)}",
            "Docker-Upload-UUID": place,
        }
        return _reply(202, b"", headers)

    def _blob(self, request: Request) -> Reply:
        digest = request.params["digest"]
        content = self.blobs.get(digest)
        if content is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return _reply(200, content, {"Docker-Content-Digest": digest}, "application/octet-stream")

    def _publish(self, request: Request) -> Reply:
        manifest = json.loads(request.body)
        if any(part["digest"] not in self.blobs for part in (manifest["config"], *manifest["layers"])):
            return _error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        name, digest = request.params["name"], digest_of(request.body)
        kept = (request.headers.get("Content-Type", ""), request.body)
        self.manifests[f"{name}:{request.params['reference']}"] = self.manifests[f"{name}@{digest}"] = kept
        return _reply(201, b"", {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/manifests/{digest}"})

    def _manifest(self, request: Request) -> Reply:
        name, reference = request.params["name"], request.params["reference"]
        found = self.manifests.get(f"{name}:{reference}") or self.manifests.get(f"{name}@{reference}")
        if found is None:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return _reply(200, found[1], {"Docker-Content-Digest": digest_of(found[1])}, found[0])


def _parts(platform: str) -> dict[str, str]:
    return dict(zip(("os", "architecture"), platform.split("/"), strict=True))


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    return _reply(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers)


def _reply(
    status: int, body: bytes, headers: dict[str, str] | None = None, content_type: str = "application/json"
) -> Reply:
    return Reply(status, body, {**VERSION, **(headers or {})}, content_type)
