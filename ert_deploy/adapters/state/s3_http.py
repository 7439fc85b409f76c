"""boto3 on our exchange: what it would send goes out here instead, within bounds and without following a redirect.

The hook is botocore's own `before-send`. Clients that boto3 makes for its credentials (STS, SSO) take it over from the
session; the metadata addresses of a cloud machine are asked by botocore itself, for a second each.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from ert_deploy.adapters.bounded_http import KIB, Bounds, exchange

# A state is at most 4 MiB, a page of a thousand versions less.
BOUNDS = Bounds(connect=5.0, read=20.0, total=60.0, size=8 * KIB * KIB)


class _Raw(io.BytesIO):
    """A body as botocore reads one."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()


def install(session: Any) -> None:
    """Have a boto3 session send through `exchange`, with the CA bundle that AWS's own settings name, or ours."""
    ca = str(session._session.get_config_variable("ca_bundle") or "")
    session.events.register("before-send", partial(_send, ca))


def _send(ca: str, request: Any, **_: Any) -> Any:
    """One prepared request; raises NoAnswer of `bounded_http`."""
    from botocore.awsrequest import AWSResponse

    body = request.body.read() if hasattr(request.body, "read") else request.body
    headers = {name: _text(value) for name, value in request.headers.items() if name.lower() != "expect"}
    reply = exchange(
        request.method,
        request.url,
        BOUNDS,
        headers={"Accept": "*/*", **headers},
        content=body.encode() if isinstance(body, str) else bytes(body or b""),
        ca=ca,
    )
    return AWSResponse(request.url, reply.status, dict(reply.headers), _Raw(reply.body))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
