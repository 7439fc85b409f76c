"""SEC EDGAR client: rate-limited, with the required User-Agent, and bounded in time and size.

The SEC's rules (sec.gov/os/accessing-edgar-data) require a User-Agent with a mail address and at most 10 requests per
second; clients that exceed the limit are blocked for about 10 minutes. After a 403 or 429 no request is sent for a
while.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx

from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.base.rate_limit import MakeLimiter, own_limits
from ert_dashboard.base.strict_json import load_strictly
from ert_dashboard.market.model import SourceAway

FILES_URL, DATA_URL = "https://www.sec.gov", "https://data.sec.gov"
_PER_SECOND = 10
_TOTAL_S, _READ_S, _CONNECT_S = 20.0, 8.0, 5.0
_LARGEST = 32 * 1024 * 1024
_SHUT_OUT_S = 600.0
_TROUBLE_S = 30.0


class Edgar:
    """Client of the SEC. Thread-safe. The methods return None for a 404 and raise `SourceAway`."""

    def __init__(
        self,
        user_agent: str,
        clock: Clock,
        *,
        files_url: str = FILES_URL,
        data_url: str = DATA_URL,
        total_s: float = _TOTAL_S,
        limits: MakeLimiter | None = None,
    ) -> None:
        self._clock = clock
        self._files_url = files_url
        self._data_url = data_url
        self._total_s = total_s
        # A burst of one, then one every 0.1 s: never more than ten requests in any second.
        self._rates = (limits or own_limits(clock))("sec", _PER_SECOND, 1)
        self._pause = threading.Event()
        self._closed_until = 0.0
        self._http = httpx.Client(
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            timeout=httpx.Timeout(min(_READ_S, total_s), connect=_CONNECT_S),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections; threads that wait for the rate limit raise `SourceAway`."""
        self._pause.set()
        self._http.close()

    def tickers(self) -> Any:
        return self._get(f"{self._files_url}/files/company_tickers.json")

    def submissions(self, cik: int) -> Any:
        return self._get(f"{self._data_url}/submissions/CIK{cik:010d}.json")

    def company_facts(self, cik: int) -> Any:
        return self._get(f"{self._data_url}/api/xbrl/companyfacts/CIK{cik:010d}.json")

    def _get(self, url: str) -> Any:
        deadline = self._clock.monotonic() + self._total_s
        self._wait_for_turn(deadline)
        try:
            with self._within(deadline) as interrupt, self._stream(url, interrupt) as response:
                if response.status_code == 404:
                    return None
                self._accept(response)
                return load_strictly(self._content(response, deadline))
        except httpx.HTTPError:
            raise SourceAway("the SEC is not responding", _TROUBLE_S) from None
        except ValueError:
            raise SourceAway("the SEC's response was truncated or is not JSON", _TROUBLE_S) from None

    @contextmanager
    def _within(self, deadline: float) -> Iterator[Interrupt]:
        """Interrupt the request at the deadline: slow headers never reach the read timeout, and httpx reads them."""
        with Interrupt() as interrupt:
            interrupt.limit(deadline - self._clock.monotonic())
            yield interrupt

    def _stream(self, url: str, interrupt: Interrupt) -> AbstractContextManager[httpx.Response]:
        return self._http.stream("GET", url, extensions={"trace": interrupt.trace})

    def _wait_for_turn(self, deadline: float) -> None:
        while True:
            now = self._clock.monotonic()
            if now < self._closed_until:
                raise SourceAway("the SEC rejects further requests for now", self._closed_until - now)
            wait = self._rates.take()
            if not wait:
                return
            if now + wait > deadline or self._pause.wait(wait):
                raise SourceAway("too many requests to the SEC are queued", _TROUBLE_S)

    def _accept(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status not in (403, 429):
            raise SourceAway(f"the SEC is not responding (HTTP {status})", _TROUBLE_S)
        said = response.headers.get("retry-after", "")
        after = float(said) if said.isascii() and said.isdigit() and len(said) < 6 else _SHUT_OUT_S
        self._closed_until = self._clock.monotonic() + after
        why = "too many requests" if status == 429 else "it does not like this caller: check ERT_SEC_USER_AGENT"
        raise SourceAway(f"the SEC rejects requests for now ({why})", after)

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _LARGEST:
                raise SourceAway("the SEC's response is too large", _SHUT_OUT_S)
            if self._clock.monotonic() > deadline:  # a slow stream never reaches the read timeout
                raise SourceAway("the SEC responds too slowly", _TROUBLE_S)
        return bytes(content)
