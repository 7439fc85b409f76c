"""A registry on loopback that accepts a push: the HTTP API v2 of the OCI distribution specification, in memory.

    GET /v2/                                    200, or 401 with a Basic challenge when it requires a login
    HEAD|GET  /v2/<name>/blobs/<digest>         200 or 404
    POST /v2/<name>/blobs/uploads/              202 with a Location; PATCH appends bytes; PUT ?digest= verifies them
    PUT|GET|HEAD /v2/<name>/manifests/<ref>     201 with `Docker-Content-Digest`; the layers of a manifest must exist

Every digest is computed here; a mismatch is rejected.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.support.doubles.http_double import Double, Handler


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Registry(Double):
    """`login` is `user:password`, or empty for none."""

    login: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)


class _Handler(Handler[Registry]):
    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.body()
        split = urlsplit(self.path)
        wanted = "Basic " + base64.b64encode(self.double.login.encode()).decode()
        if self.double.login and self.headers.get("Authorization") != wanted:
            error = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            challenge = {"WWW-Authenticate": 'Basic realm="registry"'}
            return self._say(401, json.dumps(error).encode(), challenge)
        if split.path == "/v2/":
            return self._say(200, b"{}")
        for pattern, answer in (
            (r"/v2/(?P<name>.+)/blobs/uploads/(?P<place>[0-9a-f]*)", self._upload),
            (r"/v2/.+/blobs/(?P<digest>sha256:[0-9a-f]{64})", self._blob),
            (r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)", self._manifest),
        ):
            if found := re.fullmatch(pattern, split.path):
                asked = parse_qs(split.query).get("digest", [""])[0]
                return answer(body, asked, **found.groupdict())
        return self._say(404, b"{}")

    def _upload(self, body: bytes, digest: str, name: str, place: str) -> None:
        uploads = self.double.uploads
        if self.command == "POST":
            place = secrets.token_hex(8)
            uploads[place] = b""
        if place not in uploads:
            return self._say(404, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}')
        uploads[place] += body
        if self.command == "PUT":
            content = uploads.pop(place)
            if digest_of(content) != digest:
                return self._say(400, b'{"errors": [{"code": "DIGEST_INVALID"}]}')
            self.double.blobs[digest] = content
            return self._say(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{place}",
            "Range": f"0-{max(0, len(uploads[place]) - 1)}",
            "Docker-Upload-UUID": place,
        }
        return self._say(202, b"", headers)

    def _blob(self, _: bytes, __: str, digest: str) -> None:
        content = self.double.blobs.get(digest)
        if content is None:
            return self._say(404, b'{"errors": [{"code": "BLOB_UNKNOWN"}]}')
        return self._say(200, content, {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"})

    def _manifest(self, body: bytes, _: str, name: str, reference: str) -> None:
        known = self.double.manifests
        if self.command == "PUT":
            manifest = json.loads(body)
            named = [manifest["config"], *manifest["layers"]]
            if any(part["digest"] not in self.double.blobs for part in named):
                return self._say(400, b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}')
            digest = digest_of(body)
            kind = self.headers.get("Content-Type", "")
            known[f"{name}:{reference}"] = known[f"{name}@{digest}"] = (kind, body)
            return self._say(201, b"", {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/manifests/{digest}"})
        found = known.get(f"{name}:{reference}") or known.get(f"{name}@{reference}")
        if found is None:
            return self._say(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        return self._say(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])})

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.say(status, body, {"Docker-Distribution-Api-Version": "registry/2.0", **(headers or {})})


Registry.handler = _Handler
