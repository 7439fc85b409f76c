"""The documented rate limits of Vast, as enforced by the sandbox; enabled unless a test disables them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ert_deploy.sandbox.httpd.messages import Request
from ert_deploy.sandbox.vast.auth import LIMITS, Intervals
from ert_deploy.sandbox.vast.options import Options
from tests.support.vast.world import Renter, renting

# The figures of `../shared/facts/vast.md`, section 1.1, repeated independently.
FACTS = {
    "create": 4.5, "list": 1.0, "show": 2.0, "manage": 1.0, "destroy": 3.0, "reboot": 1.0, "recycle": 1.0, "bid": 5.5,
    "execute": 1.5, "search": 6.0, "secrets": 5.0, "secrets_write": 3.0, "keys": 1.0, "keys_write": 2.0, "launch": 5.0,
    "templates": 3.0, "ssh_keys_write": 1.0, "instance_keys_write": 2.0, "volumes": 5.5, "volumes_search": 5.5,
    "volumes_write": 5.5, "charges": 1.0, "invoices": 3.0,
}  # fmt: skip


@pytest.fixture
def slow() -> Iterator[Renter]:
    with renting(speed=1.0, rate_limits=True) as renter:
        yield renter


def request(operation: str, key: str = "k") -> Request:
    return Request("GET", "/", {}, {"Authorization": f"Bearer {key}"}, b"", "127.0.0.1", operation)


def test_they_are_on_where_nothing_is_said() -> None:
    assert Options().rate_limits


def test_the_figures_are_those_on_record() -> None:
    assert {name: limit.seconds / limit.calls for name, limit in LIMITS.items()} == FACTS
    assert {name: limit.penalty for name, limit in LIMITS.items() if limit.penalty} == {"create": 12.0}


def test_a_second_list_within_a_second_is_429(slow: Renter) -> None:
    assert slow.get("/v1/instances/").status_code == 200
    answer = slow.get("/v1/instances/")
    assert (answer.status_code, answer.json()) == (429, {"detail": "API requests too frequent endpoint threshold=1.0"})
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("operation", sorted(set(FACTS) - {"search", "create"}))
def test_one_call_in_its_interval_and_the_next_after_it(operation: str) -> None:
    least, kept = FACTS[operation], Intervals()
    assert kept.check(request(operation), 100.0) is None
    assert kept.check(request(operation), 100.0 + least - 0.01) is not None
    assert kept.check(request(operation, "other"), 100.0) is None, "another key"
    assert kept.check(request(operation), 100.0 + least) is None, "a refusal counts for nothing"


def test_a_create_that_is_refused_holds_up_all_others_for_twelve_seconds() -> None:
    kept = Intervals()
    assert kept.check(request("create"), 100.0) is None
    assert kept.check(request("create"), 104.0) is not None
    assert kept.check(request("create"), 115.9) is not None
    assert kept.check(request("create"), 128.0) is None


def test_ten_searches_a_minute() -> None:
    kept = Intervals()
    assert all(kept.check(request("search"), 100.0 + n) is None for n in range(10))
    assert kept.check(request("search"), 159.0) is not None
    assert kept.check(request("search"), 160.0) is None


def test_what_has_no_figure_has_no_limit() -> None:
    kept = Intervals()
    assert all(kept.check(request("user"), 100.0) is None for _ in range(20))
