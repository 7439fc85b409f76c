"""Vast logs: downloads a container's log from object storage, to which Vast.ai uploads it a moment after the request.

The URL is not trusted. It is requested over https, without the API key or other credentials, within limits, and only
from the public internet, so that a response cannot direct a request to the operator's machine or network. (If Vast.ai
itself is a double on loopback, its logs may be there too.)
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, exchange, is_loopback
from ert_deploy.adapters.bounded_socket import Deadline, loopback, public
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.ports import Clock

LOOKS, PAUSE = 30, 0.3  # the values of the SDK
BOUNDS = Bounds(connect=5.0, read=10.0, total=20.0, size=16 * KIB * KIB)
OVER = 60.0  # real seconds for all attempts together


def log_url(answer: requests.Response) -> str:
    """Return the URL of the log from the response to its request. Raise `ValueError` or `requests.HTTPError`."""
    answer.raise_for_status()
    said = answer.json()
    url = said.get("result_url") if isinstance(said, dict) else None
    if not isinstance(url, str) or not url:
        raise ValueError("no result_url")
    return url


def fetch(url: str, provider_url: str, clock: Clock) -> str:
    """Poll `url` until the log is there, and return it. Raise `CannotObserve` when it cannot be read in time."""
    reach = public
    if is_loopback(provider_url) and is_loopback(url):
        reach = loopback
    elif not _is_plain_https(url):
        raise CannotObserve("Vast.ai named a place for the log that is not read: it is not a plain https address")
    deadline, trouble = Deadline.after(OVER), "it is not there"
    for _ in range(LOOKS):
        clock.sleep(PAUSE)
        if deadline.over:
            break
        try:
            reply = exchange("GET", url, BOUNDS, headers={"Accept": "*/*"}, reach=reach)
        except NoAnswer as error:
            if error.lasting:
                raise CannotObserve(f"the log cannot be read from where Vast.ai put it: {error.reason}") from None
            trouble = error.reason
        else:
            if reply.status == 200:
                return reply.body.decode("utf-8", "replace")
            if 300 <= reply.status < 400:
                raise CannotObserve("the log address from Vast.ai is a redirect, which is not followed")
            trouble = f"status {reply.status}"
    raise CannotObserve(f"Vast.ai did not deliver the log in time ({trouble})")


def _is_plain_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
