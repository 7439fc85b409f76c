"""Guard settings required in a `CreateOrder`, so that a machine stops its costs even without any running client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.boot.arming import BOOT, IDLE, LIFETIME
from ert_deploy.core.model.desired import Guard, Launch
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.labels import Mark
from ert_deploy.ports import CreateOrder
from tests.support.situations import UP

NAMES = {IDLE: "idle_stop", BOOT: "boot_deadline", LIFETIME: "max_lifetime"}


def order(guard: Guard | None = None, env: dict[str, str] | None = None) -> CreateOrder:
    launch = replace(UP.launch, guard=guard or Guard())
    told = replace(UP, launch=launch).container_env("t" * 32, "h" * 64, "b" * 64)
    return CreateOrder("5", launch, Mark("ert", "t" * 32), {**told, **(env or {})})


def test_a_container_is_told_the_three_limits_of_the_config() -> None:
    env = order(Guard(idle_stop=600, boot_deadline=900, max_lifetime=7200)).env
    assert (env["ERT_IDLE_STOP"], env["ERT_BOOT_DEADLINE"], env["ERT_MAX_LIFETIME"]) == ("600", "900", "7200")


def test_without_a_word_in_the_config_all_three_limits_are_on() -> None:
    guard = Launch("a:1", "m").guard
    assert (guard.idle_stop, guard.boot_deadline, guard.max_lifetime) == (1200, 2700, 43200)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["0", "-1", "", "1e9", "0x10", "None", "1200.0"])
def test_a_limit_that_is_not_the_configs_is_not_sent(name: str, value: str) -> None:
    with pytest.raises(Failed, match="might never stop by itself") as refused:
        order(env={name: value})
    assert name in refused.value.detail
    assert "no machine was rented" in refused.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_that_is_not_sent_at_all_is_refused(name: str) -> None:
    told = {k: v for k, v in order().env.items() if k != name}
    with pytest.raises(Failed, match="might never stop"):
        CreateOrder("5", UP.launch, Mark("ert", "t" * 32), told)


@pytest.mark.parametrize("name", NAMES)
def test_one_limit_may_be_off_where_the_config_says_so(name: str) -> None:
    assert order(replace(Guard(), **{NAMES[name]: 0})).env[name] == "0"


@pytest.mark.parametrize("name", NAMES)
def test_no_limit_is_negative(name: str) -> None:
    with pytest.raises(Failed, match="might never stop"):
        order(replace(Guard(), **{NAMES[name]: -1}))


def test_both_ways_of_stopping_cannot_be_off() -> None:
    with pytest.raises(Failed, match="might never stop") as refused:
        order(Guard(idle_stop=0, max_lifetime=0))
    assert "both 0" in refused.value.detail


def test_an_order_shows_no_boot_secret() -> None:
    shown = repr(order())
    assert "b" * 64 not in shown
    assert shown.startswith("CreateOrder(offer_id='5'")
