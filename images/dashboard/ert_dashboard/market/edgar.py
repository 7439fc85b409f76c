"""The SEC's public JSON: at most ten requests a second in all, with the name the SEC asks for, within bounds.

The rules are the SEC's own (sec.gov/os/accessing-edgar-data): a User-Agent with a mail address, ten requests a second,
and who goes over is shut out for about ten minutes. So after a 403 or 429 nothing is asked for a while.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx

from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.base.rate_limit import Rates
from ert_dashboard.base.strict_json import load_strictly
from ert_dashboard.market.model import SourceAway

FILES_URL, DATA_URL = "https://www.sec.gov", "https://data.sec.gov"
_PER_SECOND = 10
_TOTAL_S, _READ_S, _CONNECT_S = 20.0, 8.0, 5.0
_LARGEST = 32 * 1024 * 1024
_SHUT_OUT_S = 600.0
_TROUBLE_S = 30.0


class Edgar:
    """Three documents of the SEC. Safe to share between threads. Raises `SourceAway`; None is a 404."""

    def __init__(
        self,
        user_agent: str,
        clock: Clock,
        *,
        files_url: str = FILES_URL,
        data_url: str = DATA_URL,
        total_s: float = _TOTAL_S,
    ) -> None:
        self._clock = clock
        self._files_url = files_url
        self._data_url = data_url
        self._total_s = total_s
        # One at once and a tenth of a second between: ten in any second, never eleven.
        self._rates = Rates(_PER_SECOND, 1, clock)
        self._pause = threading.Event()
        self._closed_until = 0.0
        self._http = httpx.Client(
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            timeout=httpx.Timeout(min(_READ_S, total_s), connect=_CONNECT_S),
            follow_redirects=False,
        )

    def close(self) -> None:
        """End the connections; who waits for his turn is told that the source is away."""
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
            raise SourceAway("the SEC does not answer now", _TROUBLE_S) from None
        except ValueError:
            raise SourceAway("the SEC's answer was cut off or is not JSON", _TROUBLE_S) from None

    @contextmanager
    def _within(self, deadline: float) -> Iterator[Interrupt]:
        """Cuts the line at the deadline: a header that trickles meets no read timeout, and is not read by us."""
        with Interrupt() as interrupt:
            interrupt.limit(deadline - self._clock.monotonic())
            yield interrupt

    def _stream(self, url: str, interrupt: Interrupt) -> AbstractContextManager[httpx.Response]:
        return self._http.stream("GET", url, extensions={"trace": interrupt.trace})

    def _wait_for_turn(self, deadline: float) -> None:
        while True:
            now = self._clock.monotonic()
            if now < self._closed_until:
                raise SourceAway("the SEC refuses more requests for now", self._closed_until - now)
            wait = self._rates.take()
            if not wait:
                return
            if now + wait > deadline or self._pause.wait(wait):
                raise SourceAway("too many look-ups at the SEC are waiting", _TROUBLE_S)

    def _accept(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status not in (403, 429):
            raise SourceAway(f"the SEC does not answer now (HTTP {status})", _TROUBLE_S)
        said = response.headers.get("retry-after", "")
        after = float(said) if said.isascii() and said.isdigit() and len(said) < 6 else _SHUT_OUT_S
        self._closed_until = self._clock.monotonic() + after
        why = "too many requests" if status == 429 else "it does not like this caller: check ERT_SEC_USER_AGENT"
        raise SourceAway(f"the SEC refuses requests for now ({why})", after)

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _LARGEST:
                raise SourceAway("the SEC's answer is too large", _SHUT_OUT_S)
            if self._clock.monotonic() > deadline:  # a read timeout never fires on a trickle
                raise SourceAway("the SEC answers too slowly now", _TROUBLE_S)
        return bytes(content)
