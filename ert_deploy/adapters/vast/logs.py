"""A container's log from object storage: Vast.ai only says where, and the text appears there a little later.

The address is a stranger's word. It is read over https, without the key or any other credential, within bounds, and
from the public internet alone: nothing on the operator's machine or network may be asked by naming it in an answer.
(Where Vast.ai itself is a double on loopback, its logs may be there too.)
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, exchange, is_loopback
from ert_deploy.adapters.bounded_socket import Deadline, loopback, public
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.ports import Clock

LOOKS, PAUSE = 30, 0.3  # as the SDK does it
BOUNDS = Bounds(connect=5.0, read=10.0, total=20.0, size=16 * KIB * KIB)
OVER = 60.0  # real seconds for all looks together


def log_url(answer: requests.Response) -> str:
    """Where the log will be, by the answer to the request for it. ValueError, requests.HTTPError."""
    answer.raise_for_status()
    said = answer.json()
    url = said.get("result_url") if isinstance(said, dict) else None
    if not isinstance(url, str) or not url:
        raise ValueError("no result_url")
    return url


def fetch(url: str, provider_url: str, clock: Clock) -> str:
    """The text at `url` once it is there. CannotObserve."""
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
                raise CannotObserve("the place for the log that Vast.ai named is a redirect, which is not followed")
            trouble = f"status {reply.status}"
    raise CannotObserve(f"Vast.ai did not deliver the log in time ({trouble})")


def _is_plain_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
