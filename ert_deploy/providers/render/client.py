"""Render API client: authentication, paths, retries, pagination, and the conversion of failed responses to errors.

It is independent of any resource. An idempotent call is retried on connection errors, 408, 429 and 5xx; any other one
only if it certainly was not executed. Near a rate limit, it waits before a call (`rate_limits`). Errors contain
Render's request id and never the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import tenacity

from ert_deploy.adapters.bounded_http import Bounds, NoAnswer, Reply, exchange, is_loopback
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, ErtError, NoSuchService, Rejected, Transient, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.core.redaction import Redactor
from ert_deploy.ports import Clock
from ert_deploy.providers.render.parse import Json, page_of
from ert_deploy.providers.render.rate_limits import LONGEST_PAUSE, Pace, seconds_until

T = TypeVar("T")
ATTEMPTS = 5
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
REFUSED = frozenset({401, 403})
PAGE = 100
MAX_PAGES = 200
LIST_SIZE = 8 * 1024 * 1024
KEY_HINT = "RENDER_API_KEY must be the API key of a Render user with access to the service's workspace"
LONG = 16  # shorter values are often common names like "production", whose removal would spoil a log
_ADDRESS = re.compile(r"https?://[^@\s]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `secrets` are parts of its body that must not appear in an error."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    body: object = field(default=None, repr=False)
    size: int = Bounds().size
    secrets: tuple[Secret, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def path_of(*segments: str) -> str:
    """Build a path of escaped segments. Raise `UsageError` for an empty one or one with special characters."""
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise UsageError(f"{printable(segment, 60)!r} cannot be part of a Render address")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


class RenderHttp:
    """HTTP client for one API key and one base URL."""

    def __init__(self, api_key: Secret, base_url: str, clock: Clock, bounds: Bounds) -> None:
        self._key = api_key
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._bounds = bounds
        self._held = Redactor()
        redaction.hold(api_key.reveal())
        self._pace = Pace()
        if not re.fullmatch(r"[\x21-\x7e]+", api_key.reveal()):
            raise UsageError("RENDER_API_KEY is empty or holds characters that no key has", hint=KEY_HINT)
        if urlsplit(base_url).scheme != "https" and not is_loopback(base_url):
            raise UsageError(f"the key is not sent over plain HTTP to {printable(base_url, 100)}", hint="use https")

    def repeatable(self, call: Call, attempts: int = ATTEMPTS) -> Reply:
        """Send an idempotent call with retries and return the last complete response. Raise `NoAnswer`."""
        again = tenacity.retry_if_exception(lambda e: isinstance(e, NoAnswer) and not e.lasting)
        return self._send(call, attempts, again | tenacity.retry_if_result(lambda r: r.status in RETRIED))

    def once(self, call: Call) -> Reply:
        """Send a call that must not be executed twice and return the last complete response. Raise `NoAnswer`."""
        again = tenacity.retry_if_exception(lambda e: isinstance(e, NoAnswer) and not e.sent and not e.lasting)
        return self._send(call, ATTEMPTS, again | tenacity.retry_if_result(lambda r: r.status == 429))

    def _send(self, call: Call, attempts: int, again: tenacity.retry_base) -> Reply:
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=tenacity.stop_after_attempt(attempts),
            wait=self._pause,
            retry=again,
            retry_error_callback=_last,
        )
        reply: Reply = retrying(self._exchange, call)
        return reply

    def _exchange(self, call: Call) -> Reply:
        bounds = replace(self._bounds, size=call.size)
        if pause := self._pace.pause(call.method, call.path, self._clock.now()):
            self._clock.sleep(pause)
        reply = exchange(
            call.method, self._base + call.path, bounds, authorize=self._authorize, params=call.params, body=call.body
        )
        if reply.status != 429:  # the retry waits for as long as a 429 requests
            self._pace.note(call.method, call.path, reply.headers, self._clock.now())
        return reply

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request

    def _pause(self, state: tenacity.RetryCallState) -> float:
        outcome = state.outcome
        told = None if outcome is None or outcome.failed else self.told(outcome.result())
        if told is None:
            return tenacity.wait_random_exponential(multiplier=1, max=30)(state)
        return min(told, LONGEST_PAUSE) + tenacity.wait_random(0, 1)(state)

    def told(self, reply: Reply) -> float | None:
        """Return the number of seconds that the response requests to wait, or None."""
        now = self._clock.now()
        after = seconds_until(reply.headers.get("Retry-After"), now)
        if after is None and reply.status == 429:
            after = seconds_until(reply.headers.get("Ratelimit-Reset"), now)
        return after

    def read(self, call: Call, attempts: int = ATTEMPTS) -> Reply:
        """Send a GET that must return 200. Raise `CannotObserve`, or `UsageError` for a rejected key or a 404."""
        reply = self.answer(call, attempts)
        if reply.status == 200:
            return reply
        raise self.refusal(call, reply, CannotObserve)

    def answer(self, call: Call, attempts: int = ATTEMPTS) -> Reply:
        """Send a GET and return the complete response with any status. Raise `CannotObserve` if there is none."""
        try:
            return self.repeatable(call, attempts)
        except NoAnswer as trouble:
            raise self.silence(call, trouble, CannotObserve) from None

    def pages(self, call: Call, wrapper: str, attempts: int = ATTEMPTS) -> list[Json]:
        """Return all items of a list. Raise `CannotObserve` unless an empty last page was received."""
        found: list[Json] = []
        cursor, seen = "", set[str]()
        while len(seen) < MAX_PAGES:
            params = {**(call.params or {}), "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            step = replace(call, params=params, size=LIST_SIZE)
            reply = self.read(step, attempts)
            items, cursor = self.parsed(step, reply, lambda raw: page_of(raw, wrapper))
            if not items:
                return found
            if cursor in seen:
                break
            seen.add(cursor)
            found += items
        raise CannotObserve(f"Render's list of {wrapper} does not end", str(call))

    def parsed(self, call: Call, reply: Reply, parse: Callable[[Any], T]) -> T:
        """Parse the body with `parse`. Raise `CannotObserve` when it is not JSON of the expected structure."""
        try:
            return parse(reply.json())
        except ValueError as error:
            why = "it is not JSON" if _is_page(reply) else printable(error)
        raise CannotObserve(f"Render's response cannot be used: {why}", self.trace(call, reply))

    def refusal(self, call: Call, reply: Reply, other: type[ErtError]) -> ErtError:
        """Return the error for a failed response; its type is `other` unless the key or the path is the cause."""
        trace = self.trace(call, reply)
        if reply.status == 401:
            return UsageError("Render does not accept the key", trace, KEY_HINT)
        if reply.status == 403:
            return UsageError("Render denies this key access to it", trace, KEY_HINT)
        if reply.status == 404:
            return NoSuchService(
                f"Render does not know {call.path}", trace, "check the service's id, and the owner of this key"
            )
        if other is Transient:
            return Transient(f"Render answered {reply.status} to {call}", trace, after=self.told(reply))
        return other(f"Render answered {reply.status}: {self.words(call, reply)}", trace)

    def unwritten(self, call: Call, reply: Reply) -> ErtError:
        """Return the error for a failed write: `Transient` if a retry may help, else `Rejected`."""
        passing = reply.status in RETRIED or reply.status >= 500
        return self.refusal(call, reply, Transient if passing else Rejected)

    def silence(self, call: Call, trouble: NoAnswer, kind: type[ErtError]) -> ErtError:
        """Return the error for a call without a complete response."""
        return kind(f"Render could not be reached: {trouble.reason}", str(call), "check the network, then run it again")

    def trace(self, call: Call, reply: Reply) -> str:
        """Return method, path, status, message and request id, which Render's support asks for."""
        request_id = printable(reply.headers.get("Render-Request-Id") or "none", 100)
        return f"{call}: {reply.status}, {self.words(call, reply)}; Render-Request-Id {request_id}"

    def words(self, call: Call, reply: Reply) -> str:
        """Return Render's own message without secrets, safe to print."""
        if _is_page(reply):
            return "a page instead of JSON" if reply.body.strip() else "no text"
        raw = reply.json()
        text = raw.get("message") if isinstance(raw, dict) else None
        return printable(self.clean(redacted(str(text or "no message"), call.secrets)))

    def hold(self, values: Iterable[Secret]) -> None:
        """Remove these values from all later messages of Render, except short ones and URLs without credentials."""
        texts = (value.reveal() for value in values)
        self._held.hold(*(text for text in texts if len(text) >= LONG and not _ADDRESS.fullmatch(text)))

    def clean(self, text: str) -> str:
        """Return `text` without the key and the values passed to `hold`."""
        return redaction.clean(self._held.clean(text))


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` without the secrets and without any longer line of one (a certificate has many)."""
    for secret in secrets:
        whole = secret.reveal()
        lines = (line.strip() for line in whole.splitlines())
        for part in (whole, *(line for line in lines if len(line) >= 6)):
            text = text.replace(part, "***") if part else text
    return text


def _is_page(reply: Reply) -> bool:
    try:
        reply.json()
    except ValueError:
        return True
    return False


def _last(state: tenacity.RetryCallState) -> Any:
    """Return the response of the last attempt, or raise its exception."""
    assert state.outcome is not None
    return state.outcome.result()
