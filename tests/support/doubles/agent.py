"""An agent on loopback: wakes a backend on request, signs its state, and can be busy, forbidden, away or forged."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "agent-Zk3_9aQx7LmN0pRsT2uVwXyZ"
STATE: dict[str, Any] = {
    "version": 1,
    "deployment": "ert",
    "phase": "asleep",
    "stage": None,
    "progress": None,
    "eta_seconds": None,
    "price_per_hour_usd": None,
    "cost_to_ready_usd": None,
    "agreed_price_per_hour_usd": None,
    "contract_ends": None,
    "url": None,
    "certificate": None,
    "fingerprint": None,
    "generation": 7,
    "can_publish": False,
    "reason": "",
    "at": "2026-01-01T00:00:00Z",
}
WAKING = {
    "phase": "waking",
    "stage": "load",
    "progress": 0.5,
    "eta_seconds": {"p50": 80, "p95": 240},
    "price_per_hour_usd": 0.31,
    "cost_to_ready_usd": 0.02,
}


@dataclass(frozen=True)
class Refusal:
    """What `POST /wake` returns instead of waking."""

    status: int
    reason: str
    error: str
    after: int | None = None


@dataclass
class AgentDouble:
    """The server. `woken` is called by the request with number `wakes_needed`, and then the phase is "ready".

    `generations` are those of the next states, one after the other."""

    state: dict[str, Any] = field(default_factory=lambda: dict(STATE))
    woken: Callable[[], None] = lambda: None
    wakes_needed: int = 1
    refusals: list[Refusal] = field(default_factory=list)
    signing_key: str = KEY
    unsigned: bool = False
    serves: str = "ert"
    generations: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wakes(self) -> int:
        """How often it was asked to wake."""
        return len(self.times)

    def environ(self) -> dict[str, str]:
        return {"ERT_AGENT_URL": self.url, "ERT_AGENT_KEY": KEY}

    def start(self) -> None:
        """Listen, at the same address as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), type("Bound", (_Handler,), {"agent": self}))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def kill(self) -> None:
        """Stop listening; what it was doing is forgotten."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wake(self) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
        """Return status, body and headers of one request to wake."""
        with self._lock:
            self.times.append(time.monotonic())
            if self.refusals:
                refusal = self.refusals[0] if len(self.refusals) == 1 else self.refusals.pop(0)
                headers = {} if refusal.after is None else {"Retry-After": str(refusal.after)}
                body = {"success": False, "reason": refusal.reason, "error": refusal.error}
                return refusal.status, body, headers
            if self.state["phase"] == "ready":
                return 200, self.state, {}
            self.state.update(WAKING)
            if self.wakes >= self.wakes_needed:
                self.woken()
                self.state.update(STATE, phase="ready")
            return 202, self.state, {}


class _Handler(BaseHTTPRequestHandler):
    agent: AgentDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_POST(self) -> None:
        self._route("POST")

    def do_GET(self) -> None:
        self._route("GET")

    def _route(self, method: str) -> None:
        asked = urlsplit(self.path)
        self.agent.asked.append(f"{method} {self.path}")
        named = parse_qs(asked.query).get("deployment", [self.agent.serves])[0]
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._say(401, {"success": False, "reason": "unauthorized", "error": "the key is not accepted"})
        elif named != self.agent.serves:
            self._say(404, {"success": False, "reason": "unknown", "error": "no such deployment"})
        elif (method, asked.path) == ("POST", "/wake"):
            self._say(*self.agent.wake())
        elif (method, asked.path) == ("GET", "/backend"):
            if self.agent.generations:
                self.agent.state["generation"] = self.agent.generations.pop(0)
            self._say(200, self.agent.state)
        else:
            self._say(404, {"success": False, "reason": "unknown", "error": "no such route"})

    def _say(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        nonce = self.headers.get("X-Ert-Nonce")
        if nonce and not self.agent.unsigned:
            signed = hmac.new(self.agent.signing_key.encode(), f"{nonce}\n".encode() + content, hashlib.sha256)
            self.send_header("X-Ert-Signature", f"v1={signed.hexdigest()}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
