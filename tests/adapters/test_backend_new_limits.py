"""Limits of a guard over HTTP: what a backend that is too old, wrong or silent makes of the request."""

from __future__ import annotations

import pytest

from ert_deploy.adapters.backend.key_admin import (
    LIMITS_PATH,
    check_limits,
    limits_change,
    limits_in,
    to_limits,
    to_use,
)
from ert_deploy.core.model.errors import Rejected, Transient

LIMITS = (60, 0, 7200)


def test_the_request_has_the_three_limits() -> None:
    assert limits_change(LIMITS) == b'{"idle_stop": 60, "boot_deadline": 0, "max_lifetime": 7200}'
    check_limits(200, limits_change(LIMITS), LIMITS)
    assert to_limits(LIMITS) == ("PUT", LIMITS_PATH, limits_change(LIMITS))
    assert to_use(LIMITS)[2] == limits_change(LIMITS)[:-1] + b', "in_use": true}'


@pytest.mark.parametrize("status", [401, 403, 404, 405, 422])
def test_a_refusal_is_final_and_names_the_route(status: int) -> None:
    with pytest.raises(Rejected, match=f"/admin/limits answered {status}"):
        check_limits(status, b"", LIMITS)


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (503, b"{}"), (200, b"<html>"), (200, b"[]"), (200, limits_change((61, 0, 7200)))]
)
def test_anything_else_is_asked_again(status: int, body: bytes) -> None:
    with pytest.raises(Transient, match=f"HTTP {status}"):
        check_limits(status, body, LIMITS)


@pytest.mark.parametrize("shown", [None, [], {}, {"idle_stop": 1, "boot_deadline": 2}, {"idle_stop": True}])
def test_a_health_without_them_is_of_an_older_image(shown: object) -> None:
    assert limits_in(shown) is None
    whole = {"idle_stop": 1, "boot_deadline": 2, "max_lifetime": 3}
    assert limits_in({**whole, "max_lifetime": 1.5}) is None
    assert limits_in({**whole, "max_lifetime": -1}) is None
    assert limits_in(whole) == (1, 2, 3)
