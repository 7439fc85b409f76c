"""Vast.ai client: implements `GpuHost` with the SDK, which `session` creates.

The SDK retries every call, even create, and returns an empty list for an error response. So each SDK client here is
limited to one attempt; reads are retried with the injected clock, lists are read as raw JSON through the SDK's own
client and parsed strictly, and a create is sent exactly once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import requests
import tenacity

from ert_deploy.core import redaction
from ert_deploy.core.model.desired import PORT, Market
from ert_deploy.core.model.errors import CannotObserve, Transient
from ert_deploy.core.model.labels import label
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import Cloud, InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock, CreateOrder, Turn
from ert_deploy.providers.vast import errors, logs, onstart, parse, retries
from ert_deploy.providers.vast.account import AccountReader
from ert_deploy.providers.vast.charges import ChargeReader
from ert_deploy.providers.vast.price_increases import IncreaseReader
from ert_deploy.providers.vast.rate_limits import LIMITS, Pace
from ert_deploy.providers.vast.search import OfferReader
from ert_deploy.providers.vast.session import CALL_TIMEOUT, Session

T = TypeVar("T")
PAGE = 25  # the maximum of the server
MAX_PAGES = 200
AWAY = "Vast.ai may be down, or the network path to it; no change was made"
START_WITHIN = 30.0  # seconds in which a start is retried
NEVER: tuple[float, tuple[Instance, ...]] = (math.inf, ())
WRITES = frozenset({"create", "manage", "destroy"})
PUBLISHED = {f"-p {PORT}:{PORT}": "1"}  # how Vast's environments ask for a port (docs.vast.ai, Docker environment)
TURNS: Mapping[Turn, str] = {"create": "create", "start": "manage"}  # the operation whose limit applies


class VastHost:
    """A `GpuHost` on Vast.ai. `server_url` has no path; the key is sent only there. `act_within`: see `Session`."""

    def __init__(self, api_key: Secret, server_url: str, clock: Clock, act_within: float = CALL_TIMEOUT) -> None:
        self.cloud = Cloud(keeps_disk=True, bids=True)
        self._clock = clock
        self._session = Session(api_key, server_url, clock, act_within)
        self.date = self._session.date
        self._pace = Pace()
        self._listed = NEVER  # the last complete list and its time; reset by every write
        reader = AccountReader(api_key, self._session, clock, self._read)
        self.account, self.account_variables = reader.account, reader.variables
        offers = OfferReader(self._session, self._read)
        self.search, self.quote = offers.search, offers.quote
        self.charges = ChargeReader(self._session, self._read).charges
        self.price_increases = IncreaseReader(self._session, clock, self._read).pending

    @property
    def _sdk(self) -> Any:
        return self._session.sdk

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances of the account. Raise `CannotObserve` unless every page was received.

        Within the rate limit, the last list is returned unless something was changed since: it is no older than a list
        whose response was slow.
        """
        at, listed = self._listed
        if 0 <= self._clock.steady() - at < LIMITS["list"].seconds:
            return listed
        listed = self._list()
        self._listed = self._clock.steady(), listed
        return listed

    def _list(self) -> tuple[Instance, ...]:
        rows: dict[int, Instance] = {}
        params: dict[str, Any] = {"select_filters": {}, "order_by": [{"col": "id", "dir": "asc"}], "limit": PAGE}
        for _ in range(MAX_PAGES):
            data = self._read("list", "list of instances", partial(self._get, "/api/v1/instances/", params))
            found, token, total = parse.page(data)
            rows.update({row["id"]: parse.instance(row) for row in found})
            if token is None:
                if total != len(rows):
                    raise CannotObserve(f"Vast.ai listed {len(rows)} of {total} instances")
                return tuple(rows.values())
            params = {**params, "after_token": token}
        raise CannotObserve(f"Vast.ai's list of instances did not end after {MAX_PAGES} pages")

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        """Return an instance; None only for the two responses that report it does not exist. Raise `CannotObserve`."""
        response = self._read("show", "instance", partial(self._raw, f"/instances/{parse.number(instance_id)}/"))
        body = errors.body_of(response)
        errors.refuse_bad_key(body)
        return parse.one(body, response.status_code, instance_id)

    def create(self, order: CreateOrder) -> InstanceId:
        """Rent an offer with one PUT, never retried: `await_turn` is called before the intent is saved.

        Raises `OutcomeUnknown` when the result is not known, `OfferGone` or `CreateRefused` when no instance was
        created.
        """
        launch = order.launch
        redaction.HELD.hold_named(order.env)

        def call() -> Any:
            return self._sdk.create_instance(
                parse.number(order.offer_id),
                image=launch.image,
                disk=launch.disk_gb,
                env={**order.env, **PUBLISHED, "ERT_VAST_API": self._session.server_url},  # the guard stops it there
                label=label(order.mark),
                **onstart.start(launch),
                price=launch.bid if launch.market is Market.INTERRUPTIBLE else None,
                cancel_unavail=True,
            )

        with self._session.acting():
            return errors.created(partial(self._noted, "create", call))

    def await_turn(self, turn: Turn) -> None:
        """Wait until the rate limits allow a call of this kind."""
        pause = self._pace.pause(TURNS[turn], self._clock.steady())
        if pause:
            self._clock.sleep(pause)

    def destroy(self, instance_id: InstanceId) -> None:
        """Destroy an instance; one that does not exist is ignored. Raise `Transient` or `CannotObserve` on failure."""
        number = parse.number(instance_id)

        def call() -> Any:
            response = self._sdk.client.delete(f"/instances/{number}/")
            if errors.body_of(response).get("error") in errors.NO_INSTANCE:
                return {"success": True}
            response.raise_for_status()
            return response.json()

        body = self._read("destroy", f"destruction of instance {instance_id}", call)
        if not isinstance(body, dict) or body.get("success") is not True:
            raise Transient(f"Vast.ai did not destroy instance {instance_id}: {printable(body)}")

    def start(self, instance_id: InstanceId) -> None:
        """Start a stopped instance. A 200 does not mean success: it is also returned when the GPU is in use.

        It is retried only briefly, because a late start could take effect after the run has given up. Raises
        `StartRefused`, `Gone`, `Rejected`, `Failed`, `Transient` or `CannotObserve`.
        """
        asked, number = self._clock.steady(), parse.number(instance_id)

        def call() -> Any:
            if self._clock.steady() - asked > START_WITHIN:  # this machine slept between two attempts
                raise CannotObserve(
                    f"the start of instance {instance_id} was not sent in time, and is not sent any more"
                )
            return self._sdk.start_instance(number)

        with self._session.acting():
            self._change(instance_id, "start", call, within=START_WITHIN)

    def stop(self, instance_id: InstanceId) -> None:
        """Stop an instance; this also cancels a queued start. Raises like `start`, but never `StartRefused`."""
        self._change(instance_id, "stop", partial(self._sdk.stop_instance, parse.number(instance_id)))

    def restart(self, instance_id: InstanceId) -> None:
        """Restart the container; the GPU stays reserved. Raises like `stop`."""
        self._change(instance_id, "restart", partial(self._sdk.reboot_instance, parse.number(instance_id)))

    def _change(self, instance_id: InstanceId, verb: str, call: Callable[[], Any], within: float = math.inf) -> None:
        """Start or stop an instance and check the response; only a request without a complete response is retried."""
        order = partial(errors.manage, instance_id, call)
        body = self._read("manage", f"{verb} of instance {instance_id}", order, within)
        errors.refuse_unsuccessful(instance_id, verb, body)

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        """Return the last lines of the container's log. Raise `CannotObserve`."""

        number = parse.number(instance_id)

        def ask() -> str:
            answer = self._sdk.client.put(f"/instances/request_logs/{number}/", json_data={"tail": str(tail)})
            return logs.log_url(answer)

        text = logs.fetch(self._read("logs", "logs", ask), self._session.server_url, self._clock)
        return "\n".join(printable(line, 2000) for line in text.splitlines()[-tail:])

    def _raw(self, path: str) -> requests.Response:
        """Send a GET and return its response, also for a 4xx that is not retryable."""
        response: requests.Response = self._sdk.client.get(path, query_args={"owner": "me"})
        if response.status_code in errors.RETRYABLE:
            response.raise_for_status()
        return response

    def _get(self, path: str, params: dict[str, Any]) -> Any:
        response = self._sdk.client.get(path, query_args=params)
        response.raise_for_status()
        return response.json()

    def _read(self, operation: str, what: str, call: Callable[[], T], within: float = math.inf) -> T:
        """Retry transient errors for at most `within` seconds; raise `CannotObserve` when it keeps failing."""

        def attempt() -> T:
            pause = self._pace.pause(operation, self._clock.steady())
            if pause:
                self._clock.sleep(pause)
            return self._noted(operation, call)

        too_late = tenacity.stop_before_delay(within)
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=lambda state: retries.tried_enough(state) or too_late(state),
            wait=retries.pause,
            retry=tenacity.retry_if_exception_type(Transient),
            reraise=True,
        )
        try:
            result: T = retrying(errors.reading, what, attempt)
            return result
        except Transient as error:
            raise CannotObserve(error.summary, error.detail, AWAY) from error

    def _noted(self, operation: str, call: Callable[[], T]) -> T:
        """Run one call and record it for the rate limits."""
        refused = False
        if operation in WRITES:
            self._listed = NEVER
        try:
            return call()
        except requests.HTTPError as error:
            refused = error.response.status_code == requests.codes.too_many_requests
            raise
        finally:
            self._pace.note(operation, self._clock.steady(), refused=refused)
