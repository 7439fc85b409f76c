"""An agent with a gateway whose deployment is a fake and whose backend is a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from ert_deploy.agent.gateway import hold
from ert_deploy.agent.gateway import routes as gateway_routes
from ert_deploy.agent.gateway.bounds import Bounds
from ert_deploy.agent.gateway.routes import Gateway
from ert_deploy.agent.keeper import Keeper
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.waking.look import Reached
from ert_deploy.core.model.secret import Secret
from tests.support.agent.served import LONG, Agent, agent, eventually
from tests.support.doubles.streaming_tls import Upstream

KEY = Secret("gateway-key-of-the-tests-0123456789abcdef")
ASKED: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Hello"}]}
QUICK = Bounds(comment=0.05, again=0.02)


@dataclass
class Passing:
    """A running agent with its gateway. `to` are the servers that take the place of the fake machine's address."""

    agent: Agent
    to: list[Upstream]
    keys: list[Secret] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL of an OpenAI client."""
        return f"http://127.0.0.1:{self.agent.port}/v1"

    @property
    def keeper(self) -> Keeper:
        """The one keeper."""
        return self.agent.keepers[0]

    def ask(self, *, key: str = KEY.reveal(), data: bytes | None = None, **changes: Any) -> requests.Response:
        """Request a completion; a stream is not read yet."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = data if data is not None else json.dumps(ASKED | changes).encode()
        url = f"{self.url}/chat/completions"
        return requests.post(url, body, headers=headers, stream=bool(changes.get("stream")), timeout=LONG)

    def get(self, path: str) -> requests.Response:
        """Send a GET below `/v1`."""
        return requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {KEY.reveal()}"}, timeout=LONG)


@contextmanager
def passing(
    deployment: Deployment,
    *to: Upstream,
    bounds: Bounds = QUICK,
    backend_key: Secret | None = None,
    unpublished: str = "",
) -> Iterator[Passing]:
    """Run an agent with a gateway; the first server of `to` is where the machine is, once the fake one is ready."""
    found: list[Passing] = []

    def reached(keeper: Keeper) -> Reached | None:
        seen = real(keeper)
        if seen is None or not found[0].to:
            return None
        one = found[0].to[0]
        key = found[0].keys[0] if found[0].keys else seen.key
        return replace(seen, url=one.url, certificate=one.certificate.pem, key=key)

    real = hold.reached
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hold, "reached", reached)
        patch.setattr(gateway_routes, "reached", reached)
        with agent(
            deployment, unpublished=unpublished, passing=lambda keepers: Gateway(keepers, KEY, backend_key, bounds)
        ) as one:
            found.append(Passing(one, list(to)))
            eventually(lambda: one.keepers[0].view.look)
            yield found[0]
