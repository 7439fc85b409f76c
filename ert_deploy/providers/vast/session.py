"""Vast SDK session: one attempt per call, timeouts, times of responses. Imports the SDK, like `strict_client` only."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import requests

from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock
from ert_deploy.providers.vast.errors import date_of

UNUSED = ("vastai.serverless",)  # asyncio clients and servers of endpoints, which are not used here
CALL_TIMEOUT = (
    30.0  # seconds from name resolution to the last byte; also for create and start, unless `act_within` is given
)


@contextmanager
def _without_serverless() -> Iterator[None]:
    """Import the SDK without its serverless package, which may not be importable and takes two thirds of the time.

    None in `sys.modules` means that a module cannot be imported (Python's import system, 5.3.1).
    """
    unused = {name: None for name in UNUSED if name not in sys.modules}
    sys.modules.update(unused)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in unused:
            del sys.modules[name]


class Session:
    """One API key and one base URL. `act_within` is the timeout of a create or start, in real seconds.

    The check of `timings/settle` relies on `act_within`.
    """

    def __init__(self, api_key: Secret, server_url: str, clock: Clock, act_within: float) -> None:
        self._api_key = api_key
        self.server_url = server_url
        self._clock = clock
        self._act_within = act_within
        self._date: tuple[float, float] | None = None

    @cached_property
    def sdk(self) -> Any:
        """The SDK, imported and created on first use."""
        with _without_serverless():
            from vastai import VastAI  # slow to import: only when used

            from ert_deploy.providers.vast.strict_client import StrictClient

        logging.getLogger("vastai").setLevel(logging.WARNING)
        sdk = VastAI(api_key=self._api_key.reveal(), server_url=self.server_url, quiet=True)
        sdk.client = StrictClient(self._api_key.reveal(), self.server_url, retry=1, timeout=CALL_TIMEOUT)
        sdk.client._request = partial(self._dated, sdk.client._request)
        return sdk

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Use the timeout `act_within` inside the block: a create or start must be sent sooner than a read."""
        self.sdk.client.timeout = self._act_within
        try:
            yield
        finally:
            self.sdk.client.timeout = CALL_TIMEOUT

    def date(self) -> float | None:
        """Return the current time of Vast.ai according to its last successful response; None without one."""
        if self._date is None:
            return None
        said, heard = self._date
        return said + self._clock.steady() - heard

    def _dated(self, send: Callable[..., requests.Response], *arguments: Any, **named: Any) -> requests.Response:
        """Send one request of the SDK; record the `Date` of a successful response."""
        response = send(*arguments, **named)
        if response.ok and (said := date_of(response)) is not None:
            self._date = said, self._clock.steady()
        return response
