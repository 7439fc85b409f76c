"""The account of a key, and the result when the key has no permission to read it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.core.model.errors import CannotObserve, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server
from tests.support.vast.wire import Wire

KEY, OTHER = "vast-canary-key-0123456789", "vast-canary-key-9876543210"
FORBIDDEN = [
    (403, {"success": False, "error": "not_authorized", "msg": "no"}),
    (403, {"success": False, "error": "auth_error", "msg": "This action requires login."}),
    (403, {"detail": "Forbidden"}),
    (401, {"msg": "missing permission"}),
]
UNKNOWN_KEY = [(404, {"error": "auth_error", "msg": "Invalid user key"}), (401, {"error": "auth_error", "msg": "no"})]


class Quick(RealClock):
    """Real time without sleeping."""

    def sleep(self, seconds: float) -> None:
        pass


@dataclass
class Vast:
    """A Vast that returns one response to every read, and counts the reads."""

    url: str
    answer: Reply = field(default_factory=lambda: Reply.json({}))
    asked: int = 0

    def says(self, value: Any, status: int = 200) -> None:
        self.answer = Reply.json(value, status)

    def host(self, key: str = KEY) -> VastHost:
        return VastHost(Secret(key), self.url, Quick())


@pytest.fixture
def vast() -> Iterator[Vast]:
    router = Router()
    server = Server(router)
    made = Vast(server.url)

    def reply(_: Request) -> Reply:
        made.asked += 1
        return made.answer

    router.add("GET", "/api/v0/users/current", "user", reply)
    router.add("GET", "/api/v0/secrets/", "secrets", reply)
    server.start()
    yield made
    server.stop()


@pytest.mark.parametrize(("status", "body"), FORBIDDEN)
def test_a_key_that_may_not_read_its_account_is_known_by_itself(vast: Vast, status: int, body: object) -> None:
    vast.says(body, status)
    mine, again, others = vast.host().account(), vast.host().account(), vast.host(OTHER).account()
    assert mine.credit == math.inf
    assert mine.id == again.id
    assert mine.id.startswith("key:")
    assert len(mine.id) == len("key:") + 16
    assert others.id != mine.id
    assert not any(part in str(mine) for part in (KEY, KEY[:12], KEY[-8:]))


@pytest.mark.parametrize(("status", "body"), FORBIDDEN)
def test_variables_that_the_key_may_not_read_are_not_none(vast: Vast, status: int, body: object) -> None:
    vast.says(body, status)
    assert vast.host().account_variables() is None
    assert vast.asked == 1


@pytest.mark.parametrize(("status", "body"), UNKNOWN_KEY)
def test_a_key_that_nobody_knows_is_no_key_without_a_right(vast: Vast, status: int, body: object) -> None:
    vast.says(body, status)
    for read in (vast.host().account, vast.host().account_variables):
        with pytest.raises(UsageError, match="does not accept the key"):
            read()


def test_the_names_of_variables_are_read_and_their_values_left(vast: Vast) -> None:
    values = ["hf_canary_value", "aws_canary_value"]
    vast.says({"success": True, "secrets": {"HF_TOKEN": values[0], "AWS_KEY\x1b[31m": values[1]}})
    host = vast.host()
    assert host.account_variables() == ("AWS_KEY", "HF_TOKEN")
    assert not any(value in repr(vars(host)) for value in values)
    vast.says({"success": True, "secrets": {}})
    assert vast.host().account_variables() == ()


@pytest.mark.parametrize("said", [{}, [], {"secrets": None}, {"secrets": ["A"]}, {"success": False}, "text"])
def test_an_answer_that_is_not_one_is_not_no_variables(vast: Vast, said: object) -> None:
    vast.says(json.loads(json.dumps(said)))
    with pytest.raises(CannotObserve):
        vast.host().account_variables()


def test_the_account_says_its_credit_and_who_it_is_or_raises(wire: Wire) -> None:
    whole = {"id": 4711, "credit": 4.5, "email": "dev@example.org", "balance": 0}
    wire.says("user", whole)
    assert (wire.host.account().credit, wire.host.account().id) == (4.5, "4711")
    assert [request.operation for request in wire.got] == ["user"]  # repeated immediately: no call
    for name, odd in (("credit", None), ("credit", "4.5"), ("id", None), ("id", "4711"), ("id", True)):
        wire.says("user", {**whole, name: odd})
        wire.clock.time += 1.5
        with pytest.raises(CannotObserve):
            wire.host.account()
    wire.says("user", [])
    with pytest.raises(CannotObserve):
        wire.host.account()
