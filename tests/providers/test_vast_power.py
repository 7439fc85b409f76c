"""The Vast adapter starts, stops and destroys instances: its requests, their success, and which are not repeated."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    Failed,
    Gone,
    Rejected,
    StartRefused,
    Transient,
    UsageError,
)
from ert_deploy.providers.vast.power import outbid
from ert_deploy.sandbox.httpd.faults import Fault
from tests.support.ids import nth
from tests.support.vast.wire import Wire


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("verb", ["start", "stop"])
def test_what_the_key_may_not_do_is_no_gpu_that_is_taken(wire: Wire, verb: str, status: int) -> None:
    wire.says("manage", {"success": False, "error": "forbidden", "msg": "no permission"}, status)
    with pytest.raises(Rejected, match="may not change instance 7") as refused:
        getattr(wire.host, verb)(nth(7))
    assert "instance_write" in refused.value.hint


def test_a_destruction_that_the_key_may_not_order_names_the_right(wire: Wire) -> None:
    wire.says("destroy", {"success": False, "error": "forbidden"}, 403)
    with pytest.raises(CannotObserve) as refused:
        wire.host.destroy(nth(7))
    assert "instance_write" in refused.value.hint


def test_a_start_is_not_sent_by_a_machine_that_slept_between_two_tries(wire: Wire) -> None:
    wire.says("manage", {"success": True})
    wire.faults.add(Fault("manage", status=500, body="oops"))
    honest = wire.clock.sleep

    def sleep(seconds: float) -> None:
        honest(seconds + 3600)

    wire.clock.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(CannotObserve, match="not sent any more"):
        wire.host.start(nth(7))
    assert wire.got == []


@pytest.mark.parametrize("error", ["no_such_instance", "not_found"])
def test_destroying_what_is_gone_is_success(wire: Wire, error: str) -> None:
    wire.says("destroy", {"success": False, "error": error, "msg": "Instance not found"}, 404)
    wire.host.destroy(nth(7))


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"success": False, "msg": "later"}, 200, Transient),
        ({"success": False, "error": "auth_error"}, 404, UsageError),
        ({}, 404, CannotObserve),
        ({"success": False, "error": "rate_limit_exceeded"}, 429, CannotObserve),
    ],
)
def test_a_destruction_counts_only_when_vast_says_so(
    wire: Wire, answer: Any, status: int, error: type[ErtError]
) -> None:
    wire.says("destroy", answer, status)
    with pytest.raises(error):
        wire.host.destroy(nth(7))


@pytest.mark.parametrize(("verb", "state"), [("start", "running"), ("stop", "stopped")])
def test_start_and_stop_are_one_state_each(wire: Wire, verb: str, state: str) -> None:
    wire.says("manage", {"success": True})
    getattr(wire.host, verb)(nth(7))
    (asked,) = wire.got
    assert (asked.path, asked.json()) == ("/api/v0/instances/7/", {"state": state})


QUEUED = {"success": False, "error": "resources_unavailable", "msg": "Required resources are currently unavailable."}


@pytest.mark.parametrize(
    ("verb", "answer", "status", "error"),
    [
        ("start", QUEUED, 200, StartRefused),
        ("start", {"success": False}, 200, StartRefused),
        ("start", {"success": False, "error": "invalid_args", "msg": "contract ended"}, 400, StartRefused),
        ("start", {"success": False, "error": "missing_billing"}, 400, Failed),
        ("start", {"success": False, "error": "not_found"}, 404, Gone),
        ("start", {"success": False, "error": "auth_error"}, 404, UsageError),
        ("start", {"success": False, "error": "rate_limit_exceeded"}, 429, CannotObserve),
        ("start", {}, 200, Transient),
        ("start", [], 200, Transient),
        ("start", {}, 400, CannotObserve),
        ("stop", {"success": False, "msg": "later"}, 200, Transient),
        ("stop", {"success": False, "error": "not_found"}, 404, Gone),
        ("stop", {"success": False, "error": "auth_error"}, 404, UsageError),
    ],
)
def test_a_start_counts_only_when_vast_says_so(
    wire: Wire, verb: str, answer: Any, status: int, error: type[ErtError]
) -> None:
    wire.says("manage", answer, status)
    with pytest.raises(error) as refused:
        getattr(wire.host, verb)(nth(7))
    assert type(refused.value) is error


@pytest.mark.parametrize(("verb", "slept"), [("start", []), ("stop", [90.0])])
def test_a_start_is_not_repeated_when_that_would_be_long_after_it_was_written_down(
    wire: Wire, verb: str, slept: list[float]
) -> None:
    wire.says("manage", {"success": True})
    wire.faults.add(Fault("manage", status=429, body="slow down", headers={"Retry-After": "90"}))
    with contextlib.suppress(CannotObserve):
        getattr(wire.host, verb)(nth(7))
    assert wire.clock.sleeps == slept
    assert len(wire.got) == len(slept), "what was answered with 429 did not get through"


@pytest.mark.parametrize(
    ("bids", "current", "ours", "lowest", "known"),
    [
        (True, "stopped", 0.2, 0.21, True),
        (True, "stopped", 0.2, 0.2, False),
        (True, "running", 0.2, 0.21, False),
        (False, "stopped", 0.2, 0.21, False),
        (None, "stopped", 0.2, 0.21, False),
        (True, None, 0.2, 0.21, False),
        (True, "stopped", None, 0.21, False),
        (True, "stopped", 0.2, "0.21", False),
    ],
)
def test_one_that_was_outbid_is_stopped_and_its_bid_is_too_low(
    bids: object, current: object, ours: object, lowest: object, known: bool
) -> None:
    assert outbid(bids, current, ours, lowest) is known
