"""Routes of the agent: wake, backend, events, health and metrics. Every one but the health wants the key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ert_deploy.agent.answer import Answer
from ert_deploy.agent.auth import NONCE, shows_key, sign
from ert_deploy.agent.body import body
from ert_deploy.agent.gateway.refusal import Refused
from ert_deploy.agent.gateway.routes import BELOW, Gateway
from ert_deploy.agent.gateway.routes import routes as below
from ert_deploy.agent.keeper import Keeper
from ert_deploy.agent.metrics import CONTENT_TYPE, exposition
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.secret import Secret

OPEN = "/healthz"
WRONG_KEY = "the key is wrong or missing"
MOST_STREAMS = 64  # event streams at a time
KEEP_ALIVE = 15.0  # seconds between two comments of a stream
ANSWER_WITHIN = 20.0  # seconds in which a request to wake gets a response, decided or not
COUNTS = tuple(str(number) for number in range(1, MOST_REPLICAS + 1))  # of machines that a request may need ready
OK, UNAUTHORIZED, NOT_FOUND, UNPROCESSABLE, UNAVAILABLE = 200, 401, 404, 422, 503
BLANK = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def application(keepers: Sequence[Keeper], key: Secret, gateway: Gateway | None = None) -> Starlette:
    """Return the application that serves these deployments, with the gateway if there is one."""
    served = _Served(keepers, key)
    routes = [
        Route("/wake", served.wake, methods=["POST"]),
        Route("/backend", served.backend, methods=["GET"]),
        Route("/events", served.events, methods=["GET"]),
        Route(OPEN, served.healthz, methods=["GET"]),
        Route("/metrics", served.metrics, methods=["GET"]),
        *(below(gateway) if gateway is not None else ()),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Keyed, key=key, gateway=gateway)])


class _Keyed:
    """Middleware that returns 401, the same for every wrong key, before anything else of a request is read."""

    def __init__(self, app: ASGIApp, key: Secret, gateway: Gateway | None) -> None:
        self._app, self._key, self._gateway = app, key, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != OPEN:
            below_v1 = self._gateway is not None and scope["path"].startswith(f"{BELOW}/")
            key = self._gateway.key if self._gateway is not None and below_v1 else self._key
            shown = dict(scope["headers"]).get(b"authorization")
            if not shows_key(shown.decode("latin-1") if shown is not None else None, key):
                body = Refused(UNAUTHORIZED, "invalid_api_key", WRONG_KEY).body() if below_v1 else None
                refusal = _error(UNAUTHORIZED, "unauthorized", WRONG_KEY) if body is None else _raw(body, UNAUTHORIZED)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Served:
    """Handlers of all routes."""

    def __init__(self, keepers: Sequence[Keeper], key: Secret) -> None:
        self._keepers = {keeper.name: keeper for keeper in keepers}
        self._key = key
        self._streams = 0

    async def wake(self, request: Request) -> Response:
        """Wake the deployment: 202 until it is ready, then 200; with `machines=N` until so many of its replicas are."""
        keeper = self._chosen(request)
        if isinstance(keeper, Response):
            return keeper
        machines = request.query_params.get("machines", "1")
        if machines not in COUNTS:
            return _error(UNPROCESSABLE, "machines", f"machines is a number from 1 to {len(COUNTS)}")
        asked = keeper.ask(int(machines))
        try:
            answer = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(asked)), ANSWER_WITHIN)
        except TimeoutError:
            answer = Answer(202)
        if not answer.reason:
            return self._document(request, body(keeper), answer.status)
        refusal = _error(answer.status, answer.reason, answer.error)
        if answer.after is not None:
            refusal.headers["Retry-After"] = str(answer.after)
        return refusal

    async def backend(self, request: Request) -> Response:
        """Return its phase, and how to reach it."""
        keeper = self._chosen(request)
        return keeper if isinstance(keeper, Response) else self._document(request, body(keeper), OK)

    async def events(self, request: Request) -> Response:
        """Stream the same document: at once, and after every change."""
        keeper = self._chosen(request)
        if isinstance(keeper, Response):
            return keeper
        if self._streams >= MOST_STREAMS:
            return _error(UNAVAILABLE, "streams", f"{MOST_STREAMS} event streams are open")
        return StreamingResponse(self._stream(keeper), media_type="text/event-stream", headers=BLANK)

    async def healthz(self, _request: Request) -> Response:
        """Return whether every deployment is read as often as it should be."""
        well = all(keeper.alive for keeper in self._keepers.values())
        found = {"status": "ok" if well else "failed", "deployments": len(self._keepers)}
        return _json(found, OK if well else UNAVAILABLE)

    async def metrics(self, _request: Request) -> Response:
        """Return the metrics of all deployments."""
        return Response(exposition(tuple(self._keepers.values())), media_type=CONTENT_TYPE, headers=BLANK)

    async def _stream(self, keeper: Keeper) -> AsyncIterator[str]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake_up() -> None:
            loop.call_soon_threadsafe(changed.set)

        unwatch = keeper.watch(wake_up)
        self._streams += 1
        last: dict[str, Any] = {}
        try:
            while True:
                changed.clear()
                found = body(keeper)
                if found | {"at": ""} != last:
                    last = found | {"at": ""}
                    yield f"event: backend\ndata: {json.dumps(found)}\n\n"
                try:
                    await asyncio.wait_for(changed.wait(), KEEP_ALIVE)
                except TimeoutError:
                    yield ": keep-alive\n\n"
        finally:
            unwatch()
            self._streams -= 1

    def _chosen(self, request: Request) -> Keeper | Response:
        """Return the deployment that a request names; 404 if it is not served, 422 if it has to name one."""
        if (nonce := request.headers.get("x-ert-nonce")) is not None and not NONCE.fullmatch(nonce):
            return _error(UNPROCESSABLE, "nonce", "X-Ert-Nonce has 8 to 64 characters of A-Z a-z 0-9 _ -")
        name = request.query_params.get("deployment")
        if name is None and len(self._keepers) > 1:
            return _error(UNPROCESSABLE, "ambiguous_deployment", "several are served: ?deployment=NAME picks one")
        keeper = next(iter(self._keepers.values())) if name is None else self._keepers.get(name)
        return keeper or _error(NOT_FOUND, "unknown_deployment", "no deployment of that name is served")

    def _document(self, request: Request, found: Mapping[str, Any], status: int) -> Response:
        made = _json(found, status)
        if (nonce := request.headers.get("x-ert-nonce")) is not None:
            made.headers["X-Ert-Signature"] = sign(self._key, nonce, bytes(made.body))
        return made


def _json(found: Mapping[str, Any], status: int) -> Response:
    return _raw(json.dumps(found).encode(), status)


def _raw(body: bytes, status: int) -> Response:
    return Response(body, status, media_type="application/json", headers=BLANK)


def _error(status: int, reason: str, error: str) -> Response:
    return _json({"success": False, "reason": reason, "error": error}, status)
