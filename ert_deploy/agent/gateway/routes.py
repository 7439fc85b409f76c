"""Routes of the gateway: chat completions, which wake the backend, and the list of models, which never does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ert_deploy.agent.gateway.bounds import Bounds
from ert_deploy.agent.gateway.client import Client, Gone
from ert_deploy.agent.gateway.hold import Hold, reached
from ert_deploy.agent.gateway.refusal import Refused
from ert_deploy.agent.gateway.relay import relay
from ert_deploy.agent.keeper import Keeper
from ert_deploy.app.gateway.upstream import COMPLETIONS, Broken, NotSent, Reply, complete
from ert_deploy.app.waking.look import Reached
from ert_deploy.core.model.secret import Secret

BELOW = "/v1"
MODELS = f"{BELOW}/models"


class Gateway:
    """ASGI application of everything below `/v1`. `key` is the clients' key.

    `backend_key` is used where the apps' variables are not read.
    """

    def __init__(
        self, keepers: Sequence[Keeper], key: Secret, backend_key: Secret | None = None, bounds: Bounds | None = None
    ) -> None:
        self.key = key
        self._keepers = {keeper.name: keeper for keeper in keepers}
        self._backend_key, self._bounds = backend_key, bounds or Bounds()
        self._open = 0
        self._since = int(time.time())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, client = Request(scope, receive), Client(receive, send, self._bounds)
        keeper: Keeper | None = None
        self._open += 1
        try:
            keeper = self._chosen(request)
            keeper.counts.gateway.requests += 1
            await self._serve(request, client, keeper)
        except Refused as refused:
            _count(keeper, refused.code)
            try:
                await client.refuse(refused)
            except Gone:
                return
        except Gone:
            _count(keeper, "client_gone")
        finally:
            self._open -= 1

    async def _serve(self, request: Request, client: Client, keeper: Keeper) -> None:
        method, path = request.method, request.url.path
        if path == MODELS or path.startswith(f"{MODELS}/"):
            if method != "GET":
                raise Refused(405, "method", "models can be read only")
            await _send(client, self._models(keeper, path.removeprefix(MODELS).removeprefix("/")))
        elif path == COMPLETIONS:
            if method != "POST":
                raise Refused(405, "method", "a completion is requested by POST")
            if self._open > self._bounds.open:
                raise Refused(503, "too_many_requests", f"{self._bounds.open} requests are open", 5)
            body = await client.body(request.headers.get("content-length"))
            await client.while_there(self._complete(client, keeper, body, stream=_streams(body)))
        else:
            raise Refused(404, "not_served", f"served are POST {COMPLETIONS} and GET {MODELS}")

    async def _complete(self, client: Client, keeper: Keeper, body: bytes, *, stream: bool) -> None:
        reply = await self._reply(client, keeper, body, stream=stream)
        try:
            await relay(reply, client)
        finally:
            reply.close()

    async def _reply(self, client: Client, keeper: Keeper, body: bytes, *, stream: bool) -> Reply:
        """Return the response of the backend, once there is one that takes its key. Raises Refused."""
        first = reached(keeper)
        reply, failed = await self._attempt(keeper, first, body)
        if reply is not None:
            return reply
        refused = int(failed is not None and failed.rejected)
        with Hold(keeper, client, self._bounds, stream=stream) as hold:
            while True:
                await hold.once(failed.reached if failed is not None else None)
                reply, tried = await self._attempt(keeper, reached(keeper), body)
                if reply is not None:
                    return reply
                failed = tried or failed
                refused += int(tried is not None and tried.rejected)
                if refused >= self._bounds.refusals:
                    raise Refused(502, "backend_key", "the backend does not accept the key that is known here")

    async def _attempt(self, keeper: Keeper, to: Reached | None, body: bytes) -> tuple[Reply | None, _Failed | None]:
        """Send the request if there is a backend; return its response, or which backend did not take it."""
        if to is None:
            return None, None
        key = to.key or self._backend_key
        if key is None:
            raise Refused(409, "key_unknown", "the backend's key is not known: the app's host does not tell it")
        try:
            reply = await complete(to, key, keeper.name, body, self._bounds.within)
        except NotSent:
            return None, _Failed(to)
        except Broken as broken:
            raise Refused(502, "backend_broke", f"the backend gave no response: {broken}") from None
        if reply.status == 401:
            reply.close()
            return None, _Failed(to, rejected=True)
        return reply, None

    def _chosen(self, request: Request) -> Keeper:
        name = request.query_params.get("deployment")
        if name is None and len(self._keepers) > 1:
            raise Refused(400, "ambiguous_deployment", "several are served: ?deployment=NAME picks one")
        keeper = next(iter(self._keepers.values())) if name is None else self._keepers.get(name)
        if keeper is None:
            raise Refused(404, "unknown_deployment", "no deployment of that name is served")
        return keeper

    def _models(self, keeper: Keeper, one: str) -> Mapping[str, Any]:
        card = {"id": keeper.model, "object": "model", "created": self._since, "owned_by": "ert"}
        if not one:
            return {"object": "list", "data": [card]}
        if one != keeper.model:
            raise Refused(404, "model_not_found", "there is no such model here")
        return card


class _Failed:
    """A backend that did not take a request, or rejected its key."""

    def __init__(self, to: Reached, *, rejected: bool = False) -> None:
        self.reached, self.rejected = to, rejected


def routes(gateway: Gateway) -> list[Route]:
    """Return the routes: every path below `/v1`."""
    return [Route(f"{BELOW}/{{path:path}}", gateway)]


def _streams(body: bytes) -> bool:
    """Whether the request wants a stream. Raises Refused if it is no JSON object."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Refused(400, "body", "the body is no JSON object")
    return asked.get("stream") is True


def _count(keeper: Keeper | None, code: str) -> None:
    if keeper is not None:
        keeper.counts.gateway.errors[code] = keeper.counts.gateway.errors.get(code, 0) + 1


async def _send(client: Client, found: Mapping[str, Any]) -> None:
    body = json.dumps(found).encode()
    await client.begin(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
    await client.write(body)
    await client.end()
