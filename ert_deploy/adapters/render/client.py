"""Talks to Render's API: the key, the paths, the retries, the pages, and what an answer that is not a success means.

It knows no resource. A call that may be repeated is retried here on connection errors, 408, 429 and 5xx; one that may
not is repeated only when it surely was not carried out. Near a rate limit it slows down by itself (`rate_limits`).
Errors carry Render's request id and never the key.
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
from ert_deploy.adapters.render.parse import Json, page_of
from ert_deploy.adapters.render.rate_limits import LONGEST_PAUSE, Pace, seconds_until
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, ErtError, Rejected, Transient, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.core.redaction import Redactor
from ert_deploy.ports import Clock

T = TypeVar("T")
ATTEMPTS = 5
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
REFUSED = frozenset({401, 403})
PAGE = 100
MAX_PAGES = 200
LIST_SIZE = 8 * 1024 * 1024
KEY_HINT = "RENDER_API_KEY must hold the API key of a Render user who can reach the service's workspace"
LONG = 16  # shorter values are words like "production", and taking them out would make a log unreadable
_ADDRESS = re.compile(r"https?://[^@\s]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `secrets` are texts of its body that must not show up in an error."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    body: object = field(default=None, repr=False)
    size: int = Bounds().size
    secrets: tuple[Secret, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def path_of(*segments: str) -> str:
    """A path of escaped segments. UsageError for an empty or odd one: it would address something else."""
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise UsageError(f"{printable(segment, 60)!r} cannot be part of a Render address")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


class RenderHttp:
    """One API key at one base URL."""

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
        """Send an idempotent call, again if need be. Returns the last complete answer; raises NoAnswer."""
        again = tenacity.retry_if_exception(lambda e: isinstance(e, NoAnswer) and not e.lasting)
        return self._send(call, attempts, again | tenacity.retry_if_result(lambda r: r.status in RETRIED))

    def once(self, call: Call) -> Reply:
        """Send a call that must not be carried out twice. Returns the last complete answer; raises NoAnswer."""
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
        if reply.status != 429:  # what a refusal asks for is waited out by the retry
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
        """How many seconds the answer asks us to wait, or None."""
        now = self._clock.now()
        after = seconds_until(reply.headers.get("Retry-After"), now)
        if after is None and reply.status == 429:
            after = seconds_until(reply.headers.get("Ratelimit-Reset"), now)
        return after

    def read(self, call: Call, attempts: int = ATTEMPTS) -> Reply:
        """A GET that has to succeed. CannotObserve, or UsageError for a refused key or a missing service."""
        reply = self.answer(call, attempts)
        if reply.status == 200:
            return reply
        raise self.refusal(call, reply, CannotObserve)

    def answer(self, call: Call, attempts: int = ATTEMPTS) -> Reply:
        """A GET whose complete answer, whatever it is, is wanted. CannotObserve when there is none."""
        try:
            return self.repeatable(call, attempts)
        except NoAnswer as trouble:
            raise self.silence(call, trouble, CannotObserve) from None

    def pages(self, call: Call, wrapper: str, attempts: int = ATTEMPTS) -> list[Json]:
        """Every item of a list. It ends at an empty page; anything short of that raises CannotObserve."""
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
        """The body through `parse`; CannotObserve when it is not JSON of that shape."""
        try:
            return parse(reply.json())
        except ValueError as error:
            why = "it is not JSON" if _is_page(reply) else printable(error)
        raise CannotObserve(f"Render's answer cannot be used: {why}", self.trace(call, reply))

    def refusal(self, call: Call, reply: Reply, other: type[ErtError]) -> ErtError:
        """The error for an answer that is not a success; `other` where neither the key nor the address is at fault."""
        trace = self.trace(call, reply)
        if reply.status == 401:
            return UsageError("Render does not accept the key", trace, KEY_HINT)
        if reply.status == 403:
            return UsageError("Render refuses this key access to it", trace, KEY_HINT)
        if reply.status == 404:
            return UsageError(
                f"Render does not know {call.path}", trace, "check the service's id, and whose key this is"
            )
        if other is Transient:
            return Transient(f"Render answered {reply.status} to {call}", trace, after=self.told(reply))
        return other(f"Render answered {reply.status}: {self.words(call, reply)}", trace)

    def unwritten(self, call: Call, reply: Reply) -> ErtError:
        """The error for a write that was answered with anything but success."""
        passing = reply.status in RETRIED or reply.status >= 500
        return self.refusal(call, reply, Transient if passing else Rejected)

    def silence(self, call: Call, trouble: NoAnswer, kind: type[ErtError]) -> ErtError:
        """The error for a call that got no complete answer."""
        return kind(f"Render could not be reached: {trouble.reason}", str(call), "check the network, then run it again")

    def trace(self, call: Call, reply: Reply) -> str:
        """Method, path, status, Render's words and its request id: what its support asks for."""
        request_id = printable(reply.headers.get("Render-Request-Id") or "none", 100)
        return f"{call}: {reply.status}, {self.words(call, reply)}; Render-Request-Id {request_id}"

    def words(self, call: Call, reply: Reply) -> str:
        """Render's own message without anything secret, safe to print."""
        if _is_page(reply):
            return "a page instead of JSON" if reply.body.strip() else "no text"
        raw = reply.json()
        text = raw.get("message") if isinstance(raw, dict) else None
        return printable(self.clean(redacted(str(text or "no message"), call.secrets)))

    def hold(self, values: Iterable[Secret]) -> None:
        """Remember values that must not show up in anything Render says later; short ones and plain addresses may."""
        texts = (value.reveal() for value in values)
        self._held.hold(*(text for text in texts if len(text) >= LONG and not _ADDRESS.fullmatch(text)))

    def clean(self, text: str) -> str:
        """`text` without the key and the values that are held."""
        return redaction.clean(self._held.clean(text))


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without the secrets, nor any longer line of one (a certificate has many)."""
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
    """The last attempt's answer, or its exception."""
    assert state.outcome is not None
    return state.outcome.result()
