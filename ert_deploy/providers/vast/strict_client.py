"""Strict SDK client: sends the SDK's requests with `bounded_http`; `session` imports it on first use.

The SDK's own client follows up to 30 redirects (307 and 308 with the body, also to http), lets a .netrc file override
the key, does not use the CA bundles of the environment, and limits neither the time nor the size of a response. Here
one call is one request with a total timeout, and a redirect is an error: it was not sent by the API of Vast.ai.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from vastai.api.client import VastClient

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange

CONNECT = 10.0
SIZE = 8 * KIB * KIB  # 64 offers or 25 instances are some hundred KiB


class StrictClient(VastClient):  # type: ignore[misc]
    """SDK client whose calls all use this `_request`. It returns responses with any status, or raises `NoAnswer`."""

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], json_data: Any = None, timeout: float | None = None
    ) -> requests.Response:
        total = self.timeout if timeout is None else timeout
        bounds = Bounds(connect=min(CONNECT, total), read=total, total=total, size=SIZE)
        return answered(url, exchange(method, url, bounds, body=json_data, headers=headers))


def answered(url: str, reply: Reply) -> requests.Response:
    """Convert a reply to the SDK's type. Raise `NoAnswer` for a redirect, which the SDK would take for success."""
    if 300 <= reply.status < 400:
        raise NoAnswer(f"it was redirected (status {reply.status}), which is not followed", sent=True, lasting=True)
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(reply.headers)
    response.encoding = "utf-8"
    response.url = url
    response.raw = io.BytesIO(reply.body)
    return response
