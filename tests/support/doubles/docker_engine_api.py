"""A fake of the Docker Engine API calls for building and pushing, with their faults (docs.docker.com, Engine API).

Responses have the engine's format: a stream of JSON lines under status 200, errors inside of it.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ert_deploy.sandbox.registry.server import BACKEND
from tests.support.doubles.http_double import Double, Handler

JSON = {"Content-Type": "application/json"}
DIGEST = "sha256:" + "ab" * 32
Line = dict[str, Any]
BUILT: list[Line] = [
    {"stream": "Step 1/2 : FROM x"},
    {"stream": "\n"},
    {"stream": " ---> Running in 4711\u001b[0m\n"},
    {"stream": "Step 2/2 : USER 10001\n"},
    {"stream": "Successfully built 0123456789ab\n"},
]
PUSHED: list[Line] = [
    {"status": "The push refers to repository [r.example/x]"},
    {"status": "Pushing", "id": "a", "progressDetail": {"current": 10_000_000, "total": 100_000_000}},
    {"status": "Pushing", "id": "a", "progressDetail": {"current": 100_000_000, "total": 100_000_000}},
    {"status": f"0.1.0: digest: {DIGEST} size: 1234"},
    {"progressDetail": {}, "aux": {"Tag": "0.1.0", "Digest": DIGEST, "Size": 1234}},
]
# In the format of `docker history`: newest first, as output by the classic builder and by BuildKit.
HISTORY: list[Line] = [
    {"Size": 0, "CreatedBy": '/bin/sh -c #(nop)  ENTRYPOINT ["python"]'},
    {"Size": 812_000_000, "CreatedBy": "/bin/sh -c #(nop) COPY dir:0f in /usr/lib/ollama "},
    {"Size": 2_000_000, "CreatedBy": "RUN /bin/sh -c apt-get update # buildkit"},
]


@dataclass
class FakeEngine(Double):
    """`images` are the tags it has; `building` and `pushing` are the response streams, `config` is of each image."""

    images: set[str] = field(default_factory=set)
    platform: tuple[str, str] = ("linux", "amd64")
    building: list[Line] = field(default_factory=lambda: list(BUILT))
    pushing: list[Line] = field(default_factory=lambda: list(PUSHED))
    built: list[tuple[dict[str, list[str]], list[str]]] = field(default_factory=list)
    contexts: list[bytes] = field(default_factory=list)
    pushed: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    history: list[Line] = field(default_factory=lambda: list(HISTORY))
    bill: bytes | None = b'{"bomFormat": "CycloneDX"}'
    containers: int = 0
    config: dict[str, Any] | None = field(default_factory=lambda: dict(BACKEND))

    @property
    def host(self) -> str:
        return f"tcp://{self.address}"


class _Handler(Handler[FakeEngine]):
    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.endswith("/version"):
            self._say(200, {"ApiVersion": "1.41", "Version": "20.10.24"})
        elif (found := re.fullmatch(r"/v[\d.]+/images/(.+)/json", path)) and found[1] in self.double.images:
            os, architecture = self.double.platform
            about = {"Size": 3_300_000_000, "Os": os, "Architecture": architecture}
            self._say(200, {"Id": "sha256:" + "01" * 32, **about, "Config": self.double.config})
        elif (found := re.fullmatch(r"/v[\d.]+/images/(.+)/history", path)) and found[1] in self.double.images:
            self._say(200, self.double.history)
        elif re.fullmatch(r"/v[\d.]+/containers/c1/archive", path) and self.double.bill is not None:
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                entry = tarfile.TarInfo("sbom.cdx.json")
                entry.size = len(self.double.bill)
                tar.addfile(entry, io.BytesIO(self.double.bill))
            stat = base64.b64encode(json.dumps({"name": "sbom.cdx.json", "size": entry.size}).encode()).decode()
            self.say(200, packed.getvalue(), {"X-Docker-Container-Path-Stat": stat})
        else:
            self._say(404, {"message": f"No such image: {path}"})

    def do_DELETE(self) -> None:
        self.double.containers -= 1
        self.say(204, b"", {})

    def do_POST(self) -> None:
        split = urlsplit(self.path)
        query = parse_qs(split.query)
        body = self.body()
        if split.path.endswith("/containers/create"):
            self.double.containers += 1
            self._say(201, {"Id": "c1", "Warnings": []})
            return
        if split.path.endswith("/build"):
            self.double.contexts.append(body)
            with tarfile.open(fileobj=io.BytesIO(body)) as context:
                self.double.built.append((query, context.getnames()))
            if not any("error" in line for line in self.double.building):
                self.double.images.add(query["t"][0])
            self._stream(self.double.building)
        elif found := re.fullmatch(r"/v[\d.]+/images/(.+)/push", unquote(split.path)):
            login = json.loads(base64.urlsafe_b64decode(self.headers.get("X-Registry-Auth", "") or "e30="))
            self.double.pushed.append((found[1], query["tag"][0], login))
            self._stream(self.double.pushing)

    def _say(self, status: int, value: object) -> None:
        self.say(status, json.dumps(value).encode(), JSON)

    def _stream(self, lines: list[Line]) -> None:
        self.stream((json.dumps(line).encode() + b"\r\n" for line in lines), JSON)


FakeEngine.handler = _Handler
