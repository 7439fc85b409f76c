"""The SDK, which only this and `strict_client` import: one try per call, time-outs, and the dates of answers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import requests

from ert_deploy.adapters.vast.errors import date_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock

UNUSED = ("vastai.serverless",)  # asyncio clients and servers of endpoints, which nothing here rents
CALL_TIMEOUT = (
    30.0  # seconds from the look-up of the name to the last byte, also of a call that acts unless it is given less
)


@contextmanager
def _without_serverless() -> Iterator[None]:
    """The SDK goes on without its serverless half where that cannot be imported, and imports in a third of the time.

    None in `sys.modules` says that a module cannot be imported (Python's import system, 5.3.1).
    """
    unused = {name: None for name in UNUSED if name not in sys.modules}
    sys.modules.update(unused)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in unused:
            del sys.modules[name]


class Session:
    """One key at one address. `act_within`: real seconds for a create or a start; `timings/settle` counts on it."""

    def __init__(self, api_key: Secret, server_url: str, clock: Clock, act_within: float) -> None:
        self._api_key = api_key
        self.server_url = server_url
        self._clock = clock
        self._act_within = act_within
        self._date: tuple[float, float] | None = None

    @cached_property
    def sdk(self) -> Any:
        """The SDK, made when it is first used."""
        with _without_serverless():
            from vastai import VastAI  # slow to import: only when used

            from ert_deploy.adapters.vast.strict_client import StrictClient

        logging.getLogger("vastai").setLevel(logging.WARNING)
        sdk = VastAI(api_key=self._api_key.reveal(), server_url=self.server_url, quiet=True)
        sdk.client = StrictClient(self._api_key.reveal(), self.server_url, retry=1, timeout=CALL_TIMEOUT)
        sdk.client._request = partial(self._dated, sdk.client._request)
        return sdk

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Calls within it act: they are on their way sooner than a read has to be."""
        self.sdk.client.timeout = self._act_within
        try:
            yield
        finally:
            self.sdk.client.timeout = CALL_TIMEOUT

    def date(self) -> float | None:
        """Vast.ai's own time by its last good answer, and what has passed since."""
        if self._date is None:
            return None
        said, heard = self._date
        return said + self._clock.steady() - heard

    def _dated(self, send: Callable[..., requests.Response], *arguments: Any, **named: Any) -> requests.Response:
        """One call of the SDK; a good answer says what time it is at Vast.ai."""
        response = send(*arguments, **named)
        if response.ok and (said := date_of(response)) is not None:
            self._date = said, self._clock.steady()
        return response
