"""Vast.ai through the official SDK, the only module that imports it.

The SDK retries every call, the create among them, and reads an error-shaped answer as an empty list. So every SDK
client here is told to try once; reads are retried by us on the injected clock, lists are read as raw JSON through the
SDK's own client and parsed strictly, and the create goes out exactly once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, TypeVar

import requests
import tenacity

from ert_deploy.adapters.bounded_http import past_proxies
from ert_deploy.adapters.vast import errors, onstart, parse
from ert_deploy.core.model.desired import Criteria, Launch, Market
from ert_deploy.core.model.errors import CannotObserve, Transient
from ert_deploy.core.model.labels import label
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Account, Clock, CreateOrder

T = TypeVar("T")
CALL_TIMEOUT = 30.0
READ_TRIES = 4
PAGE = 25  # the server's own maximum
MAX_PAGES = 200
MAX_OFFERS = 64  # likewise
AWAY = "Vast.ai may be down, or the network on the way to it; nothing was changed"
START_WITHIN = 30.0  # seconds in which a start is repeated
CREATE_SPACING = 5.0  # seconds; the documented threshold is 4.5


class VastHost:
    """A `GpuHost` on Vast.ai. `server_url` has no path; the key goes nowhere else."""

    def __init__(self, api_key: Secret, server_url: str, clock: Clock) -> None:
        self._api_key = api_key
        self._server_url = server_url
        self._clock = clock
        self._last_create = float("-inf")

    @cached_property
    def _sdk(self) -> Any:
        from vastai import VastAI  # 0.9 s to import: only when used

        logging.getLogger("vastai").setLevel(logging.WARNING)
        past_proxies(self._server_url)
        sdk = VastAI(api_key=self._api_key.reveal(), server_url=self._server_url, retry=1, quiet=True)
        sdk.client.timeout = CALL_TIMEOUT
        return sdk

    def account(self) -> Account:
        """Who we are and what is left to spend."""
        user = self._read("account", self._sdk.show_user)
        credit = user.get("credit") if isinstance(user, dict) else None
        if not isinstance(credit, int | float):
            raise CannotObserve("Vast.ai did not say how much credit is left")
        return Account(float(credit), printable(user.get("email") or "", 100))

    def list_instances(self) -> tuple[Instance, ...]:
        """Every instance of the account, page by page; complete or CannotObserve."""
        rows: dict[int, Instance] = {}
        params: dict[str, Any] = {"select_filters": {}, "order_by": [{"col": "id", "dir": "asc"}], "limit": PAGE}
        for _ in range(MAX_PAGES):
            data = self._read("list of instances", partial(self._get, "/api/v1/instances/", params))
            found, token, total = parse.page(data)
            rows.update({row["id"]: parse.instance(row) for row in found})
            if token is None:
                if total is not None and total != len(rows):
                    raise CannotObserve(f"Vast.ai listed {len(rows)} of {total} instances")
                return tuple(rows.values())
            params = {**params, "after_token": token}
        raise CannotObserve(f"Vast.ai's list of instances did not end after {MAX_PAGES} pages")

    def get_instance(self, instance_id: int) -> Instance | None:
        """One instance; None only on the two answers that say that it does not exist."""
        path = f"/instances/{instance_id}/"
        response = self._read("instance", lambda: self._raw(path))
        body = errors.body_of(response)
        errors.refuse_bad_key(body)
        if response.status_code == requests.codes.not_found and body.get("error") == "no_such_instance":
            return None
        row = body.get("instances", "missing")
        if response.status_code == requests.codes.ok and row is None:
            return None
        if response.status_code != requests.codes.ok or not isinstance(row, dict) or type(row.get("id")) is not int:
            raise CannotObserve(f"Vast.ai gave an unusable answer about instance {instance_id}")
        return parse.instance(row)

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Offers priced for the launch's disk, cheapest first, at most 64."""
        query = _wide_query(criteria) if wide else _query(criteria, launch)
        kind = "bid" if launch.market is Market.INTERRUPTIBLE else "on-demand"

        def call() -> Any:
            return self._sdk.search_offers(
                dict(query), type=kind, order="dph_total", limit=MAX_OFFERS, storage=launch.disk_gb, no_default=True
            )

        rows = self._read("offers", call)
        if not isinstance(rows, list):
            raise CannotObserve("Vast.ai gave a list of offers that is not one")
        return tuple(found for row in rows if (found := parse.offer(row, asked_for_amd64=not wide)) is not None)

    def create(self, order: CreateOrder) -> int:
        """Rent: one PUT, never repeated here."""
        self._clock.sleep(max(0.0, self._last_create + CREATE_SPACING - self._clock.now()))
        self._last_create = self._clock.now()
        launch = order.launch
        return errors.created(
            lambda: self._sdk.create_instance(
                order.offer_id,
                image=launch.image,
                disk=launch.disk_gb,
                env=dict(order.env),
                label=label(order.mark),
                **onstart.start(launch),
                price=launch.bid if launch.market is Market.INTERRUPTIBLE else None,
                cancel_unavail=True,
            )
        )

    def destroy(self, instance_id: int) -> None:
        """Ask for the destruction; an instance that is gone already is fine."""

        def call() -> Any:
            response = self._sdk.client.delete(f"/instances/{instance_id}/")
            if errors.body_of(response).get("error") == "no_such_instance":
                return {"success": True}
            response.raise_for_status()
            return response.json()

        body = self._read(f"destruction of instance {instance_id}", call)
        if not isinstance(body, dict) or body.get("success") is not True:
            raise Transient(f"Vast.ai did not destroy instance {instance_id}: {printable(body)}")

    def start(self, instance_id: int) -> None:
        """Ask a stopped one to run again. 200 is not success: a GPU that is taken answers it too.

        It is not repeated for long: what is asked for late may take effect when nobody waits for it any more.
        """
        self._change(instance_id, "start", partial(self._sdk.start_instance, instance_id), within=START_WITHIN)

    def stop(self, instance_id: int) -> None:
        """Ask it to stop; it also cancels a queued start."""
        self._change(instance_id, "stop", partial(self._sdk.stop_instance, instance_id))

    def _change(self, instance_id: int, verb: str, call: Callable[[], Any], within: float = math.inf) -> None:
        """One order to an instance; its answer is judged, and only what did not arrive is repeated."""
        body = self._read(f"{verb} of instance {instance_id}", partial(errors.manage, instance_id, call), within)
        errors.refuse_unsuccessful(instance_id, verb, body)

    def logs(self, instance_id: int, tail: int) -> str:
        """The last lines of the container's log."""
        try:
            text = self._read("logs", lambda: self._sdk.logs(instance_id, tail=str(tail)))
        except TimeoutError as error:
            raise CannotObserve(f"Vast.ai did not deliver the log of instance {instance_id} in time") from error
        return "\n".join(printable(line, 2000) for line in str(text).splitlines()[-tail:])

    def _raw(self, path: str) -> requests.Response:
        """A GET whose 4xx answers are ours to read."""
        response: requests.Response = self._sdk.client.get(path, query_args={"owner": "me"})
        if response.status_code in errors.RETRYABLE:
            response.raise_for_status()
        return response

    def _get(self, path: str, params: dict[str, Any]) -> Any:
        response = self._sdk.client.get(path, query_args=params)
        response.raise_for_status()
        return response.json()

    def _read(self, what: str, call: Callable[[], T], within: float = math.inf) -> T:
        """Retry what may be repeated, for so many seconds; a read that keeps failing means CannotObserve."""
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=tenacity.stop_after_attempt(READ_TRIES) | tenacity.stop_before_delay(within),
            wait=_pause,
            retry=tenacity.retry_if_exception_type(Transient),
            reraise=True,
        )
        try:
            result: T = retrying(errors.reading, what, call)
            return result
        except Transient as error:
            raise CannotObserve(error.summary, error.detail, AWAY) from error


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, Transient) and error.after is not None:
        return error.after
    return float(tenacity.wait_random_exponential(multiplier=1.0, max=20.0)(state))


def _wide_query(criteria: Criteria) -> dict[str, Any]:
    return {
        "gpu_ram": {"gte": criteria.min_gpu_ram_mb},
        "num_gpus": {"eq": 1},
        "rentable": {"eq": True},
        "external": {"eq": False},
    }


def _query(criteria: Criteria, launch: Launch) -> dict[str, Any]:
    """The filters the server can apply, in its units: MB, Mb/s, seconds, real numbers."""
    query = {
        **_wide_query(criteria),
        "rented": {"eq": False},
        "dph_total": {"lte": criteria.max_dph},
        "reliability": {"gte": criteria.min_reliability},
        "inet_down": {"gte": criteria.min_inet_down},
        "inet_down_cost": {"lte": criteria.max_inet_cost},
        "cuda_max_good": {"gte": criteria.min_cuda},
        "direct_port_count": {"gte": criteria.min_ports},
        "duration": {"gte": criteria.min_duration},
        "disk_space": {"gte": launch.disk_gb},
        "cpu_arch": {"eq": "amd64"},
    }
    if criteria.verified:
        query["verified"] = {"eq": True}
    if criteria.datacenter:
        query["datacenter"] = {"eq": True}
    if criteria.gpu_names:
        query["gpu_name"] = {"in": list(criteria.gpu_names)}
    if criteria.countries:
        query["geolocation"] = {"in": list(criteria.countries)}
    return query
